//! TLS: this server's certificate and key, read once when it starts. By ALPN, clients choose
//! between HTTP/2 and HTTP/1.1.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The files of a certificate and its key, in PEM form (RFC 7468).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and behind it those that vouch for it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why there is no TLS with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: PemError,
    },
    /// There is no certificate in the file.
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// There is no private key in the file.
    #[error("{} holds no private key, or one that is encrypted", .0.display())]
    NoKey(PathBuf),
    /// The key is that of another certificate, or of a kind that is not known.
    #[error("{} is no key for {}: {cause}", key.display(), cert.display())]
    NoPair {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What does not fit.
        #[source]
        cause: rustls::Error,
    },
}

impl TlsFiles {
    pub(crate) fn load(&self) -> Result<ServerConfig, TlsError> {
        let (chain, key) = (certificates(&self.cert)?, private_key(&self.key)?);
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|cause| self.no_pair(cause))
    }

    fn no_pair(&self, cause: rustls::Error) -> TlsError {
        TlsError::NoPair { cert: self.cert.clone(), key: self.key.clone(), cause }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |cause| TlsError::Unreadable { path: path.to_owned(), cause };
    let chain = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(unreadable)?;
    match chain.is_empty() {
        true => Err(TlsError::NoCertificate(path.to_owned())),
        false => Ok(chain),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|cause| match cause {
        PemError::NoItemsFound => TlsError::NoKey(path.to_owned()),
        cause => TlsError::Unreadable { path: path.to_owned(), cause },
    })
}
