//! HTTPS: whose certificates are taken, and what is said of the others.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use owt_client::{Adaptor, Client, ClientBuilder, Error};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rstest::rstest;
use rustls::crypto::ring;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::server::{Server, answer, read_request};

const HOST: &str = "127.0.0.1";

const SOUND: &str = "the certificate is sound";

/// A certificate, and a server that has it.
struct Https {
    base: String,
    pem: String,
}

impl Https {
    /// A server whose certificate is self-signed.
    fn self_signed(params: &CertificateParams) -> Https {
        let key = new_key();
        Https::start(&params.self_signed(&key).expect(SOUND), key)
    }

    /// A server whose certificate was issued by an authority, and the authority's in PEM form.
    fn issued(params: &CertificateParams) -> (Https, String) {
        let (key, authority) = (new_key(), authority(params_for("authority")));
        let pem = authority.self_signed(&key).expect(SOUND).pem();
        let (issuer, key) = (Issuer::new(authority, key), new_key());
        (Https::start(&params.signed_by(&key, &issuer).expect(SOUND), key), pem)
    }

    fn start(certificate: &Certificate, key: KeyPair) -> Https {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .expect(SOUND);
        let listener = TcpListener::bind((HOST, 0)).expect("a port is free");
        let base = format!("https://{}", listener.local_addr().expect("the socket is bound"));
        thread::spawn(move || serve(&listener, &Arc::new(config)));
        Https { base, pem: certificate.pem() }
    }

    fn builder(&self) -> ClientBuilder {
        Client::builder(&self.base)
    }

    fn client(&self) -> Client {
        self.builder().build().expect("the base is an HTTP URL")
    }

    fn trusting(&self, pem: &str) -> Client {
        let builder = self.builder().root_certificate(pem);
        builder.build().expect("there is a certificate in the text")
    }
}

/// Answers one call after the other. A client that does not take the certificate hangs up.
fn serve(listener: &TcpListener, config: &Arc<ServerConfig>) {
    for tcp in listener.incoming() {
        let mut tcp = tcp.expect("a client connects");
        let mut tls = ServerConnection::new(config.clone()).expect("the configuration is sound");
        if tls.complete_io(&mut tcp).is_ok() {
            let mut stream = StreamOwned::new(tls, tcp);
            read_request(&mut stream);
            stream.write_all(answer("200 OK", "ay up").as_bytes()).expect("the client reads");
        }
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system has random bytes")
}

fn params_for(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).expect(SOUND)
}

/// What `openssl req -x509` makes.
fn authority(mut params: CertificateParams) -> CertificateParams {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_after = date_time_ymd(2020, 1, 1);
    params
}

fn of_the_future(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(4000, 1, 1);
    params
}

async fn text(client: Client) -> Result<String, Error> {
    client.call(Adaptor::from_source("lambda: 'ay up'")).send().await?.text().await
}

async fn failure(client: Client) -> Error {
    let err = text(client).await.expect_err("the certificate is not taken");
    assert!(!err.is_safe_to_retry(), "the next try fares no better: {err:?}");
    err
}

#[rstest]
#[case::of_a_server(params_for(HOST))]
#[case::of_an_authority(authority(params_for(HOST)))]
#[tokio::test]
async fn a_certificate_that_is_given_is_taken(#[case] params: CertificateParams) {
    let server = Https::self_signed(&params);
    let client = server.trusting(&server.pem);
    assert_eq!(text(client).await.unwrap(), "ay up");
}

#[tokio::test]
async fn a_certificate_that_a_given_one_issued_is_taken() {
    let (server, authority) = Https::issued(&params_for(HOST));
    let other = Https::self_signed(&params_for(HOST)).pem;
    for pem in [&authority, &server.pem, &format!("words\n{other}\n{authority}")] {
        let client = server.trusting(pem);
        assert_eq!(text(client).await.unwrap(), "ay up");
    }
}

#[rstest]
#[case::of_a_server(params_for(HOST))]
#[case::of_an_authority(authority(params_for(HOST)))]
#[tokio::test]
async fn a_certificate_without_a_trusted_issuer_is_not_taken(#[case] params: CertificateParams) {
    let server = Https::self_signed(&params);
    let namesake = Https::self_signed(&params).pem;
    let other = server.trusting(&namesake);
    for client in [server.client(), other] {
        let words = "the server's certificate has no trusted issuer";
        assert_eq!(failure(client).await.to_string(), words);
    }
}

#[rstest]
#[case::expired(expired(params_for(HOST)), "it has expired")]
#[case::future(
    of_the_future(params_for(HOST)),
    "its time has not come by the clock of this machine"
)]
#[case::other_host(params_for("gpu-box"), r#"it is for DnsName("gpu-box"), not for "127.0.0.1""#)]
#[case::no_host(
    CertificateParams::new([]).unwrap(),
    r#"it is for nobody, not for "127.0.0.1""#
)]
#[tokio::test]
async fn a_certificate_that_is_not_valid_is_not_taken_whoever_issued_it(
    #[case] params: CertificateParams,
    #[case] reason: &str,
) {
    let (issued, authority_pem) = Https::issued(&params);
    let (own, openssl) = (Https::self_signed(&params), Https::self_signed(&authority(params)));
    for (server, pem) in [
        (&issued, &authority_pem),
        (&issued, &issued.pem),
        (&own, &own.pem),
        (&openssl, &openssl.pem),
    ] {
        let err = failure(server.trusting(pem)).await;
        assert_eq!(err.to_string(), format!("the server's certificate is not valid: {reason}"));
    }
}

#[tokio::test]
async fn any_certificate_is_taken_where_danger_is_asked_for() {
    let (issued, _) = Https::issued(&expired(params_for("gpu-box")));
    for server in [issued, Https::self_signed(&authority(params_for("gpu-box")))] {
        let client = server.builder().danger_accept_invalid_certificates().build().unwrap();
        assert_eq!(text(client).await.unwrap(), "ay up");
    }
}

#[rstest]
#[case::nothing("")]
#[case::words("ay up")]
#[case::key(&KeyPair::generate().unwrap().serialize_pem())]
#[case::no_end("-----BEGIN CERTIFICATE-----\nMIIB")]
#[case::no_base64("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n")]
#[case::no_der("-----BEGIN CERTIFICATE-----\nYXkgdXA=\n-----END CERTIFICATE-----\n")]
fn text_without_certificates_cannot_be_trusted(#[case] pem: &str) {
    let err = Client::builder("https://localhost").root_certificate(pem).build().unwrap_err();
    assert_eq!(err.to_string(), "the certificates to trust cannot be used");
}

#[tokio::test]
async fn a_server_of_plain_http_is_told_from_one_of_https() {
    let server = Server::new(|listener| {
        let (mut tcp, _) = listener.accept().unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
        // Until the client hangs up.
        let _ = std::io::copy(&mut tcp, &mut std::io::sink());
        vec![]
    });
    let client = Client::new(&server.base.replace("http:", "https:")).unwrap();
    let words = "the server does not speak HTTPS; one that speaks plain HTTP is called by http";
    assert_eq!(failure(client).await.to_string(), words);
    server.requests();
}

#[cfg(feature = "blocking")]
#[test]
fn blocking_clients_trust_the_same() {
    use owt_client::blocking;

    let server = Https::self_signed(&params_for(HOST));
    let builder = || blocking::Client::builder(&server.base);
    let text = |client: blocking::Client| {
        client.call(Adaptor::from_source("lambda: 'ay up'")).send()?.text()
    };
    assert!(matches!(text(builder().build_blocking().unwrap()), Err(Error::UnknownIssuer)));
    let trusting = builder().root_certificate(server.pem.as_str()).build_blocking().unwrap();
    assert_eq!(text(trusting).unwrap(), "ay up");
    let careless = builder().danger_accept_invalid_certificates().build_blocking().unwrap();
    assert_eq!(text(careless).unwrap(), "ay up");
}
