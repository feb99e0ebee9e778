//! TLS: whom a client trusts, and what its failures mean. Cryptography is ring's, as at the server.

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

/// Trusts the certificates that the system trusts.
pub(crate) fn trust_system(builder: ClientBuilder) -> ClientBuilder {
    trust(builder, Trust::system())
}

/// Trusts these certificates in PEM form, and those for which they vouch.
pub(crate) fn trust_given(builder: ClientBuilder, pem: &[u8]) -> Result<ClientBuilder, Error> {
    let unusable = |err| Error::RootCertificate(err);
    let certificates = certificates(pem).map_err(|err| unusable(err.into()))?;
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|err| unusable(err.into()))?;
    }
    let verifier = webpki(roots).map_err(|err| unusable(err.into()))?;
    Ok(trust(builder, Trust::Given { certificates, verifier }))
}

/// Trusts whoever answers.
pub(crate) fn trust_anybody(builder: ClientBuilder) -> ClientBuilder {
    trust(builder, Trust::Anybody)
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

/// Why TLS has failed, if it has, and if there is more to say than that it has.
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
