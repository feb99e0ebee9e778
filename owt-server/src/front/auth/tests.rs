//! Who is let in, by what, and how long that takes.

use std::time::{Duration, Instant};

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use tempfile::TempDir;

use super::*;

/// With so little memory that it takes no time.
const ARGON2_OF_FOO: &str =
    "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$lY7qq0aqkumAXg87FAKaTmPEZ0DgI1qeHeu0tUtiZPs";
const TOKEN: &str = "a-token-of-thirty-two-characters";

fn auth(credentials: &[String]) -> Auth {
    let credentials = credentials.iter().map(|text| text.parse().unwrap()).collect();
    Auth::new(credentials, None).unwrap()
}

fn everybody() -> Auth {
    let token = Credential::from(&TOKEN.parse::<Token>().unwrap());
    let bob = Credential::sha256("bob", "bar").unwrap();
    auth(&[format!("ann:{ARGON2_OF_FOO}"), bob.to_string(), token.to_string()])
}

fn basic(login: &str) -> String {
    format!("Basic {}", STANDARD.encode(login))
}

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    }
    headers
}

async fn caller(auth: &Auth, value: &str) -> Option<Caller> {
    auth.identify(&headers(&[value]), Peer::default()).await.ok()
}

#[rstest]
#[case::argon2(&basic("ann:foo"), Some(Caller::User))]
#[case::sha256(&basic("bob:bar"), Some(Caller::User))]
#[case::token(&format!("Bearer {TOKEN}"), Some(Caller::Token))]
#[case::wrong_password(&basic("ann:bar"), None)]
#[case::password_of_another(&basic("bob:foo"), None)]
#[case::unknown_user(&basic("eve:foo"), None)]
#[case::unknown_user_with_the_other_password(&basic("eve:bar"), None)]
#[case::the_hash_is_no_password(&basic(&format!("ann:{ARGON2_OF_FOO}")), None)]
#[case::no_user(&basic(&format!(":{TOKEN}")), None)]
#[case::a_password_is_no_token("Bearer foo", None)]
#[case::a_login_is_no_token("Bearer ann:foo", None)]
#[case::another_scheme("Digest x", None)]
#[actix_web::test]
async fn a_caller_is_who_can_show_it(#[case] value: &str, #[case] expected: Option<Caller>) {
    assert_eq!(caller(&everybody(), value).await, expected);
}

#[actix_web::test]
async fn nobody_is_asked_where_nobody_is_named() {
    let auth = auth(&[]);
    assert_eq!(auth.identify(&headers(&[]), Peer::default()).await.unwrap(), Caller::Anybody);
    assert_eq!(auth.challenges().count(), 0);
}

#[actix_web::test]
async fn two_values_are_as_good_as_none() {
    let (wrong, right) = (basic("bob:no"), basic("bob:bar"));
    let headers = headers(&[&right, &wrong]);
    let outcome = everybody().identify(&headers, Peer::default()).await;
    assert_eq!(outcome.unwrap_err().code(), "auth-required");
}

#[test]
fn the_challenges_are_what_would_help() {
    let names = |auth: &Auth| {
        let challenges = auth.challenges();
        challenges.map(|value| value.to_str().unwrap()[..5].to_owned()).collect::<Vec<_>>()
    };
    let token = Credential::from(&TOKEN.parse::<Token>().unwrap()).to_string();
    assert_eq!(names(&everybody()), ["Basic", "Beare"]);
    assert_eq!(names(&auth(&[format!("ann:{ARGON2_OF_FOO}")])), ["Basic"]);
    assert_eq!(names(&auth(&[token])), ["Beare"]);
}

#[actix_web::test]
async fn a_slow_password_is_remembered() {
    let auth = everybody();
    let _all = auth.hashing.clone().acquire_many_owned(MAX_HASHING as u32).await.unwrap();
    let foo = basic("ann:foo");
    let waits = tokio::time::timeout(Duration::from_millis(50), caller(&auth, &foo)).await;
    assert!(waits.is_err());
    drop(_all);
    assert_eq!(caller(&auth, &foo).await, Some(Caller::User));
    let _all = auth.hashing.clone().acquire_many_owned(MAX_HASHING as u32).await.unwrap();
    assert_eq!(caller(&auth, &foo).await, Some(Caller::User));
}

#[actix_web::test]
async fn after_guesses_a_right_password_waits_and_a_connection_that_has_shown_it_does_not() {
    let (auth, trust) = (everybody(), Trust::default());
    let peer = Peer { address: Some([10, 0, 0, 1].into()), trust: Some(&trust) };
    let right = headers(&[&basic("bob:bar")]);
    assert!(auth.identify(&right, peer).await.is_ok());
    for guess in 0..4 {
        let wrong = headers(&[&basic(&format!("bob:{guess}"))]);
        assert!(auth.identify(&wrong, peer).await.is_err());
    }
    let time = async |peer| {
        let began = Instant::now();
        assert!(auth.identify(&right, peer).await.is_ok());
        began.elapsed() >= Duration::from_millis(50)
    };
    let elsewhere = Peer { address: Some([10, 0, 0, 2].into()), trust: None };
    assert!(!time(peer).await);
    assert!(!time(elsewhere).await);
    assert!(time(Peer { trust: None, ..peer }).await);
}

#[actix_web::test]
async fn a_right_token_never_waits_and_a_wrong_one_does() {
    let auth = everybody();
    for guess in 0..4 {
        assert_eq!(caller(&auth, &format!("Bearer {guess}")).await, None);
    }
    let began = Instant::now();
    assert_eq!(caller(&auth, &format!("Bearer {TOKEN}")).await, Some(Caller::Token));
    assert!(began.elapsed() < Duration::from_millis(50));
    assert_eq!(caller(&auth, "Bearer wrong").await, None);
    assert!(began.elapsed() >= Duration::from_millis(50));
}

#[actix_web::test]
async fn a_file_adds_and_removes_callers() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users");
    std::fs::write(&path, "").unwrap();
    let auth = Auth::new(Vec::new(), Some(path.clone())).unwrap();
    // Nobody may call yet, which is not the same as everybody.
    assert_eq!(caller(&auth, &basic("bob:bar")).await, None);
    std::fs::write(&path, Credential::sha256("bob", "bar").unwrap().to_string()).unwrap();
    assert_eq!(caller(&auth, &basic("bob:bar")).await, Some(Caller::User));
    std::fs::write(&path, "# nobody").unwrap();
    // Somebody else's failure makes it look at the file at once.
    assert_eq!(caller(&auth, &basic("eve:bar")).await, None);
    assert_eq!(caller(&auth, &basic("bob:bar")).await, None);
}

/// The time that all but the fastest quarter of checks take at least, of two logins that take turns. What
/// else this machine does makes some of them slower, and none faster.
fn times(known: &Known, logins: [(&str, &str); 2], rounds: usize) -> [f64; 2] {
    let time = |(user, password): (&str, &str)| {
        let began = Instant::now();
        let user = std::hint::black_box(known.user(user.as_bytes())).unwrap();
        assert!(!known.is_password(user, std::hint::black_box(password.as_bytes())));
        began.elapsed().as_secs_f64()
    };
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        logins.iter().zip(&mut times).for_each(|(login, times)| times.push(time(*login)));
    }
    times.map(|mut times| {
        times.sort_unstable_by(f64::total_cmp);
        times[rounds / 4]
    })
}

/// Unknown names and wrong passwords may differ by this part of the time that they take.
const MAX_DIFFERENCE: f64 = 0.2;

#[rstest]
#[case::sha256(Credential::sha256("ann", "foo").unwrap(), 20_000)]
#[case::argon2(format!("ann:{ARGON2_OF_FOO}").parse().unwrap(), 2_000)]
fn an_unknown_user_takes_as_long_as_a_wrong_password(
    #[case] ann: Credential,
    #[case] rounds: usize,
) {
    let bob = ann.to_string().replacen("ann", "bob", 1).parse().unwrap();
    let known = Known::new(vec![ann, bob]);
    let [wrong, unknown] = times(&known, [("ann", "bar"), ("eve", "bar")], rounds);
    let difference = (wrong - unknown).abs() / wrong;
    assert!(difference < MAX_DIFFERENCE, "{wrong} s and {unknown} s");
}

#[test]
fn each_name_has_the_cost_of_some_user_however_often_it_is_tried() {
    let bob = Credential::sha256("bob", "bar").unwrap();
    let known = Known::new(vec![format!("ann:{ARGON2_OF_FOO}").parse().unwrap(), bob]);
    let is_slow = |name: &str| known.is_slow(known.user(name.as_bytes()).unwrap());
    assert_eq!([is_slow("ann"), is_slow("bob")], [true, false]);
    let names: Vec<_> = (0..100).map(|number| format!("eve{number}")).collect();
    let costs: Vec<_> = names.iter().map(|name| is_slow(name)).collect();
    assert_eq!(names.iter().map(|name| is_slow(name)).collect::<Vec<_>>(), costs);
    assert!(costs.contains(&true) && costs.contains(&false));
}
