//! How members are reached: what they know this server by, and whose certificates it trusts. Read once, when
//! the server starts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::config::{MembersConfig, SecretSource};
use crate::secrets;

/// What is spoken over TLS, what is wanted most first (ALPN, RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// How members are reached.
#[derive(Clone)]
pub(crate) struct MembersAccess {
    /// The value of `Authorization`.
    pub(super) authorization: Option<HeaderValue>,
    pub(super) tls: Arc<ClientConfig>,
}

/// Why members cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum MembersError {
    /// The variable is not set, or holds what is no secret.
    #[error("the variable {0} holds neither user:password nor a token")]
    Variable(String),
    /// The file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// The file holds what is no secret.
    #[error("{} holds neither user:password nor a token", .0.display())]
    Secret(PathBuf),
    /// The certificates cannot be used.
    #[error("cannot use the certificates of {}: {cause}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: PemError,
    },
    /// The system's certificates cannot be used.
    #[error("cannot use the system's certificates: {0}")]
    System(#[from] rustls::Error),
}

impl MembersAccess {
    /// # Errors
    /// When a file or variable holds nothing that could be used.
    pub(crate) fn new(config: &MembersConfig) -> Result<Self, MembersError> {
        let authorization = config.auth.as_ref().map(authorization).transpose()?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of TLS 1.2 and 1.3");
        let tls = match &config.ca {
            Some(path) => builder.with_root_certificates(roots(path)?),
            None => builder.with_platform_verifier()?,
        };
        let mut tls = tls.with_no_client_auth();
        tls.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Self { authorization, tls: Arc::new(tls) })
    }

    /// With a token of letters, and trust of its own.
    pub(super) fn with_token(token: &str, mut tls: ClientConfig) -> Self {
        tls.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut value = value.expect("letters may stand in a header");
        value.set_sensitive(true);
        Self { authorization: Some(value), tls: Arc::new(tls) }
    }
}

/// `user:password`, or a token.
fn authorization(source: &SecretSource) -> Result<HeaderValue, MembersError> {
    let (text, unusable) = match source {
        SecretSource::Variable(name) => {
            secrets::hide(name);
            (std::env::var(name).unwrap_or_default(), MembersError::Variable(name.clone()))
        }
        SecretSource::File(path) => {
            let text = fs::read_to_string(path)
                .map_err(|cause| MembersError::File { path: path.clone(), cause })?;
            (text, MembersError::Secret(path.clone()))
        }
    };
    let secret = text.trim();
    let value = match secret.contains(':') {
        true => format!("Basic {}", STANDARD.encode(secret)),
        false if secret.is_empty() || secret.contains(char::is_whitespace) => return Err(unusable),
        false => format!("Bearer {secret}"),
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| unusable)?;
    value.set_sensitive(true);
    Ok(value)
}

fn roots(path: &Path) -> Result<RootCertStore, MembersError> {
    let unusable = |cause| MembersError::Certificates { path: path.to_owned(), cause };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unusable)? {
        let certificate = certificate.map_err(unusable)?;
        // One that is no authority's is of no use, and does no harm.
        let _ = roots.add(certificate);
    }
    match roots.is_empty() {
        true => Err(unusable(PemError::NoItemsFound)),
        false => Ok(roots),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("ada:a word\n", Some("Basic YWRhOmEgd29yZA=="))]
    #[case("two words\n", None)]
    #[case("ada:word\n", Some("Basic YWRhOndvcmQ="))]
    #[case("a-token-of-twenty-letters\n", Some("Bearer a-token-of-twenty-letters"))]
    #[case("\n", None)]
    fn a_secret_is_a_token_or_of_a_user(#[case] text: &str, #[case] expected: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, text).unwrap();
        let found = authorization(&SecretSource::File(path));
        assert_eq!(found.ok().as_ref().map(|value| value.to_str().unwrap()), expected);
    }

    #[test]
    fn what_is_missing_is_named() {
        let variable = SecretSource::Variable("OWT_NOT_THERE".to_owned());
        let text = authorization(&variable).unwrap_err().to_string();
        assert_eq!(text, "the variable OWT_NOT_THERE holds neither user:password nor a token");
        let ca = Some(PathBuf::from("/nowhere/ca.pem"));
        let source = crate::config::MemberSource::Urls(Vec::new());
        let err = MembersAccess::new(&MembersConfig { source, auth: None, ca }).err().unwrap();
        assert!(err.to_string().starts_with("cannot use the certificates of /nowhere/ca.pem: "));
    }
}
