//! TLS: which certificates a client trusts, and what its failures mean. Cryptography is ring's, as in
//! the server.

mod verifier;

use std::sync::Arc;

use reqwest::ClientBuilder;
use rustls::client::{ClientConfig, VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::{CertificateError, InvalidMessage, RootCertStore};

use crate::{Error, cause};
use verifier::{Trust, Verifier};

/// Which certificates a client trusts.
pub(crate) enum Certificates {
    /// Those that the system trusts.
    System,
    /// Those in this PEM text, and those that they issued.
    Given(Vec<u8>),
    /// All.
    Any,
}

impl Certificates {
    /// Makes a client trust them.
    pub(crate) fn trusted_by(&self, builder: ClientBuilder) -> Result<ClientBuilder, Error> {
        let trusted = match self {
            Certificates::System => Trust::system(),
            Certificates::Given(pem) => given(pem)?,
            Certificates::Any => Trust::Anybody,
        };
        Ok(trust(builder, trusted))
    }
}

fn given(pem: &[u8]) -> Result<Trust, Error> {
    let unusable = |err| Error::RootCertificate(err);
    let certificates = certificates(pem).map_err(|err| unusable(err.into()))?;
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|err| unusable(err.into()))?;
    }
    let verifier = webpki(roots).map_err(|err| unusable(err.into()))?;
    Ok(Trust::Given { certificates, verifier })
}

fn trust(builder: ClientBuilder, trust: Trust) -> ClientBuilder {
    let verifier = Arc::new(Verifier::new(trust, provider()));
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    builder.tls_backend_preconfigured(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn webpki(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, VerifierBuilderError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build()
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
    match certificates.is_empty() {
        true => Err(PemError::NoItemsFound),
        false => Ok(certificates),
    }
}

/// The error of a failed TLS handshake, if that is what failed and its reason is known.
pub(crate) fn failure(err: &reqwest::Error) -> Option<Error> {
    match cause::find::<rustls::Error>(err)? {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Some(Error::NotTls),
        err if verifier::is_unknown(err) => Some(Error::UnknownIssuer),
        rustls::Error::InvalidCertificate(err) => Some(Error::Certificate(reason(err))),
        _ => None,
    }
}

fn reason(err: &CertificateError) -> String {
    match err {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its time has not come by the clock of this machine".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names = if presented.is_empty() { "nobody" } else { &presented.join(", ") };
            format!("it is for {names}, not for {:?}", expected.to_str())
        }
        err => err.to_string(),
    }
}
