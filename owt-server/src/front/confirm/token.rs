//! What a confirming request has to bring: proof that the page that shows its call was open before.

use std::time::{Duration, Instant};

use actix_web::http::header::{COOKIE, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::call_key::CallKey;
use super::place::PATH;

/// How long a page has to be open before it can be confirmed. A page that opens under somebody's
/// double click is not, and neither is one that comes where they meant to press something else.
const MIN_AGE: Duration = Duration::from_secs(1);

/// How long a page that is open can be confirmed.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

const SECRET_LEN: usize = 32;

/// Makes the tokens of one server, and knows them again. Nobody else can make one.
pub(super) struct Tokens {
    secret: [u8; SECRET_LEN],
    start: Instant,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

/// What a token stands for: a call, and the URL that makes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) key: CallKey,
    pub(super) url: &'a str,
}

impl Tokens {
    pub(super) fn new() -> Self {
        let mut secret = [0; SECRET_LEN];
        getrandom::fill(&mut secret).expect("the system has random numbers");
        Self { secret, start: Instant::now() }
    }

    /// A token that is valid from a second on, for an hour.
    pub(super) fn make(&self, subject: Subject<'_>) -> String {
        self.make_at(subject, self.start.elapsed())
    }

    /// Whether a token was made here for this, and may be used by now.
    pub(super) fn is_valid(&self, token: &str, subject: Subject<'_>) -> bool {
        self.is_valid_at(token, subject, self.start.elapsed())
    }

    /// The header that gives a client a cookie which only those have to which this server gave it,
    /// and which no browser sends along when another site makes the request.
    pub(super) fn set_cookie(&self, is_secure: bool) -> String {
        let secure = if is_secure { "; Secure" } else { "" };
        format!("{}; Path={PATH}; HttpOnly; SameSite=Strict{secure}", self.cookie())
    }

    /// Whether a client has that cookie.
    pub(super) fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let expected = self.cookie();
        let cookies =
            headers.get_all(COOKIE).flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        cookies.map(<[u8]>::trim_ascii).any(|cookie| cookie.ct_eq(expected.as_bytes()).into())
    }

    /// Its name is this server's alone, because browsers share cookies between all ports of a host.
    fn cookie(&self) -> String {
        let text = |purpose| BASE64.encode(self.mac(purpose).finalize().into_bytes());
        format!("owt-confirm-{:.8}={}", text(b"name"), text(b"value"))
    }

    fn make_at(&self, subject: Subject<'_>, now: Duration) -> String {
        let millis = now.as_millis() as u64;
        format!("{millis}.{}", BASE64.encode(self.sign(subject, millis).finalize().into_bytes()))
    }

    fn is_valid_at(&self, token: &str, subject: Subject<'_>, now: Duration) -> bool {
        let Some((millis, signature)) = token.split_once('.') else { return false };
        let (Ok(millis), Ok(signature)) = (millis.parse(), BASE64.decode(signature)) else {
            return false;
        };
        let age = now.checked_sub(Duration::from_millis(millis));
        self.sign(subject, millis).verify_slice(&signature).is_ok()
            && age.is_some_and(|age| (MIN_AGE..MAX_AGE).contains(&age))
    }

    fn sign(&self, subject: Subject<'_>, millis: u64) -> Hmac<Sha256> {
        let mac = self.mac(b"call");
        let mac = mac.chain_update(millis.to_le_bytes());
        let mac = mac.chain_update(subject.key.to_bits().to_le_bytes());
        mac.chain_update(subject.url)
    }

    fn mac(&self, purpose: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("any length will do");
        mac.chain_update(purpose)
    }
}

#[cfg(test)]
mod tests {
    use owt_core::{Code, Envelope};
    use rstest::rstest;

    use super::super::call_key::Keys;
    use super::*;

    const URL: &str = "/a?code_b64=cnVu";

    #[rstest]
    #[case::at_once(0, false)]
    #[case::under_a_double_click(999, false)]
    #[case::after_a_second(1000, true)]
    #[case::after_an_hour(3_599_999, true)]
    #[case::later(3_600_000, false)]
    fn a_token_is_valid_from_a_second_on_for_an_hour(#[case] age: u64, #[case] is_valid: bool) {
        let (tokens, keys) = (Tokens::new(), Keys::default());
        let key = keys.of("/a", "", &Envelope::new(Code::source("run")));
        let (made, subject) = (Duration::from_secs(7), Subject { key, url: URL });
        let token = tokens.make_at(subject, made);
        let now = made + Duration::from_millis(age);
        assert_eq!(tokens.is_valid_at(&token, subject, now), is_valid);
    }

    #[test]
    fn a_token_is_for_one_call_of_one_server() {
        let (tokens, keys) = (Tokens::new(), Keys::default());
        let key = |path| keys.of(path, "", &Envelope::new(Code::source("run")));
        let subject = Subject { key: key("/a"), url: URL };
        let (made, now) = (Duration::from_secs(7), Duration::from_secs(17));
        let token = tokens.make_at(subject, made);
        let is_valid =
            |tokens: &Tokens, token: &str, subject| tokens.is_valid_at(token, subject, now);
        assert!(is_valid(&tokens, &token, subject));
        assert!(!is_valid(&Tokens::new(), &token, subject));
        assert!(!is_valid(&tokens, &token, Subject { key: key("/b"), url: URL }));
        assert!(!is_valid(&tokens, &token, Subject { key: key("/a"), url: "//evil.example" }));
        let earlier = token.replacen("7000.", "6000.", 1);
        for forged in [&earlier, "", ".", "7000.", "7000", "-1.x", "99999999999999999999.x"] {
            assert!(!is_valid(&tokens, forged, subject), "{forged}");
        }
    }

    #[test]
    fn each_server_has_a_cookie_of_its_own() {
        let (one, other) = (Tokens::new(), Tokens::new());
        let sent = [&one, &other].map(|tokens| {
            let cookie = tokens.set_cookie(false);
            cookie.split(';').next().unwrap_or_default().to_owned()
        });
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, format!("a=b; {}", sent[0]).parse().unwrap());
        assert!(one.has_cookie(&headers) && !other.has_cookie(&headers));
        headers.append(COOKIE, sent[1].parse().unwrap());
        assert!(one.has_cookie(&headers) && other.has_cookie(&headers));
    }
}
