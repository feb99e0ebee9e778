//! What it takes to start the driver.

use std::io;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::certificate::Certificate;
use crate::config::RayConfig;
use crate::members::access::MembersAccess;

/// What it takes to start the driver.
pub(crate) struct RayLaunch {
    pub(crate) config: RayConfig,
    /// The interpreter that has Ray.
    pub(crate) python: PathBuf,
    /// Where that finds the package `owt`.
    pub(crate) package: PathBuf,
    /// What members know this server by, and what it knows them by.
    pub(super) token: String,
    pub(super) certificate: Certificate,
}

impl RayLaunch {
    /// With a token and a certificate that nobody else has; and how members are reached with these.
    ///
    /// # Errors
    /// When there are no random numbers.
    pub(crate) fn new(
        config: RayConfig,
        python: PathBuf,
        package: PathBuf,
    ) -> io::Result<(Self, MembersAccess)> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes)?;
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let (certificate, tls) = Certificate::issue().map_err(io::Error::other)?;
        let access = MembersAccess::with_token(&token, tls);
        Ok((Self { config, python, package, token, certificate }, access))
    }
}
