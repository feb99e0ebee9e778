//! The certificate of the members that Ray starts, issued by an authority that lives as long as this server:
//! nobody else has one, and this server trusts no other.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// The name that all members have, whatever their address.
pub(in crate::members) const HOST: &str = "member.owt.internal";

/// A certificate and its key in PEM form, for members.
pub(in crate::members) struct Certificate {
    pub(super) cert: String,
    pub(super) key: String,
}

impl Certificate {
    /// A new one, and the trust of its authority.
    ///
    /// # Errors
    /// When there are no random numbers.
    pub(super) fn issue() -> Result<(Self, ClientConfig), rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate()?;
        let authority = params.self_signed(&authority_key)?;
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate()?;
        let cert = CertificateParams::new(vec![HOST.to_owned()])?.signed_by(&key, &issuer)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).expect("it is an authority's");
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        // With its authority, by which the driver knows the members it has started.
        let chain = cert.pem() + &authority.pem();
        Ok((Self { cert: chain, key: key.serialize_pem() }, tls))
    }
}
