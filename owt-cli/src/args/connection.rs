//! How a server is reached, and as whom.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use owt_client::{Client, ClientBuilder, Error};

use super::server::UrlArgs;
use super::value;
use crate::cmd::encode_base_error;
use crate::input::cannot_read;
use crate::ui::{CliError, ExitKind};

#[derive(Debug, Args)]
pub(crate) struct ConnectionArgs {
    #[command(flatten)]
    pub(crate) url: UrlArgs,

    /// Connect to the Unix socket of a server that was started with --socket
    #[arg(long, value_name = "PATH", env = "OWT_SOCKET")]
    pub(crate) socket: Option<PathBuf>,

    /// Who is calling; in OWT_CLIENT_AUTH, other users of this machine cannot read it
    #[arg(long, value_name = "USER:PASSWORD", env = "OWT_CLIENT_AUTH", hide_env_values = true)]
    #[arg(value_parser = value::login)]
    auth: Option<(String, String)>,

    /// The token of a server with --token; in OWT_CLIENT_TOKEN, other users of this machine cannot read it
    #[arg(long, value_name = "TOKEN", env = "OWT_CLIENT_TOKEN", hide_env_values = true)]
    #[arg(conflicts_with = "auth")]
    token: Option<String>,

    #[command(flatten)]
    trust: TrustArgs,
}

/// Whom to trust when the server speaks HTTPS. The names are curl's.
#[derive(Debug, Args)]
struct TrustArgs {
    /// Trust an https server with one of these certificates, or one that they issued, instead of those
    /// that the system trusts; a PEM file
    #[arg(long, value_name = "FILE", env = "OWT_CACERT")]
    cacert: Option<PathBuf>,

    /// Accept any certificate: an attacker in between can read and answer the call
    #[arg(short = 'k', long)]
    insecure: bool,
}

impl ConnectionArgs {
    /// A client of this server.
    pub(crate) fn client(&self) -> Result<Client, CliError> {
        let url = &self.url.url;
        let mut builder = trusting(Client::builder(url), &self.trust)?;
        if let Some(path) = &self.socket {
            builder = builder.unix_socket(path);
        }
        if let Some((user, password)) = &self.auth {
            builder = builder.auth(user, password);
        }
        if let Some(token) = &self.token {
            builder = builder.token(token);
        }
        builder.build().map_err(|err| build_error(&err, url, self.trust.cacert.as_deref()))
    }
}

/// As with curl, `--insecure` wins where both options are given.
fn trusting(builder: ClientBuilder, trust: &TrustArgs) -> Result<ClientBuilder, CliError> {
    if trust.insecure {
        return Ok(builder.danger_accept_invalid_certificates());
    }
    let Some(path) = &trust.cacert else { return Ok(builder) };
    let pem = fs::read(path).map_err(|err| cannot_read(&path.to_string_lossy(), &err))?;
    Ok(builder.root_certificate(pem))
}

/// The client cannot be built for this URL and this file of certificates.
fn build_error(err: &Error, url: &str, cacert: Option<&Path>) -> CliError {
    let path = cacert.map(Path::to_string_lossy).unwrap_or_default();
    match err {
        Error::RootCertificate(_) => {
            let message = format!("{path} holds no certificate that can be read");
            CliError::new(ExitKind::File, message)
                .hint("give a certificate in PEM form with --cacert")
        }
        err => encode_base_error(url, err),
    }
}
