//! Verifies the server's certificate when a connection is made.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// Whose certificates are trusted.
#[derive(Debug)]
pub(super) enum Trust {
    /// The system's. They are read when the first one is needed: that takes
    /// longer than a call, clients of plain HTTP need none, and some machines have none.
    System(OnceLock<Result<rustls_platform_verifier::Verifier, Error>>),
    /// Certificates that the user has given, and those that they issued.
    Given {
        certificates: Vec<CertificateDer<'static>>,
        verifier: Arc<WebPkiServerVerifier>,
    },
    Anybody,
}

impl Trust {
    pub(super) fn system() -> Trust {
        Trust::System(OnceLock::new())
    }
}

#[derive(Debug)]
pub(super) struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    pub(super) fn new(trust: Trust, provider: Arc<CryptoProvider>) -> Verifier {
        Verifier { trust, provider }
    }

    /// Builds the chain of a certificate, unless that does not matter.
    fn judge(&self) -> Result<Option<&dyn ServerCertVerifier>, Error> {
        match &self.trust {
            Trust::Anybody => Ok(None),
            Trust::Given { verifier, .. } => Ok(Some(&**verifier)),
            Trust::System(judge) => {
                let load = || rustls_platform_verifier::Verifier::new(self.provider.clone());
                // A system without certificates trusts none.
                let judge = judge.get_or_init(load).as_ref();
                judge
                    .map(|judge| Some(judge as _))
                    .map_err(|_| CertificateError::UnknownIssuer.into())
            }
        }
    }

    fn is_given(&self, certificate: &CertificateDer<'_>) -> bool {
        match &self.trust {
            Trust::Given { certificates, .. } => certificates.contains(certificate),
            _ => false,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(judge) = self.judge()? else { return Ok(ServerCertVerified::assertion()) };
        match judge.verify_server_cert(certificate, chain, name, ocsp_response, now) {
            // `openssl req -x509` makes a certificate that is its own authority, which webpki refuses as
            // a server's. That it has not expired was checked before.
            Err(err) if is_unknown(&err) && self.is_given(certificate) => {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a certificate has no trusted issuer.
pub(super) fn is_unknown(err: &Error) -> bool {
    let Error::InvalidCertificate(err) = err else { return false };
    match err {
        // The second is what comes of a trusted certificate of the same name, such as the server's last one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => true,
        CertificateError::Other(err) => {
            matches!(err.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}
