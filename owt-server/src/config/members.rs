//! The other owts that run the calls of a pool, as `--pool NAME:members=…` names them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::{Host, Url};

use super::ray::RayConfig;

/// The port of an owt, where a URL names none.
const PORT: u16 = 9876;

/// The other owts that run the calls of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct MembersConfig {
    /// Where they are.
    pub source: MemberSource,
    /// What they know this server by, if they ask for that.
    pub auth: Option<SecretSource>,
    /// A file in PEM form (RFC 7468): the certificates that vouch for theirs. Without it, those that the
    /// system trusts.
    pub ca: Option<PathBuf>,
}

/// Where members are.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberSource {
    /// At these URLs, each with its weight: one of 2 gets twice the calls of one of 1.
    Urls(Vec<(MemberUrl, u32)>),
    /// At each address of this name, which is looked up again and again.
    Dns(MemberUrl),
    /// Where Ray starts them.
    Ray(RayConfig),
}

/// Where a secret is, which is neither in the log nor in what operators see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In a variable of the environment.
    Variable(String),
    /// In a file.
    File(PathBuf),
}

/// The URL of an owt: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberUrl {
    /// Whether it speaks TLS.
    pub is_tls: bool,
    /// The host, IPv6 addresses without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Text is no place of an owt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give URLs of owts such as http://host:9876, or one such as dns://name:9876")]
pub struct NotAMember;

impl MemberUrl {
    /// The name by which it is known: `host:port`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    fn of(url: &Url, is_tls: bool) -> Option<Self> {
        let is_bare = matches!(url.path(), "" | "/")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let host = match url.host()? {
            Host::Ipv6(address) => address.to_string(),
            host => host.to_string(),
        };
        (is_bare && !host.is_empty()).then(|| Self {
            is_tls,
            host,
            port: url.port().unwrap_or(PORT),
        })
    }
}

impl fmt::Display for MemberUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_tls { "https" } else { "http" }, self.name())
    }
}

impl FromStr for MemberUrl {
    type Err = NotAMember;

    fn from_str(text: &str) -> Result<Self, NotAMember> {
        let port_of_scheme = |port| text.trim_end_matches('/').ends_with(port);
        let url = Url::parse(text).map_err(|_| NotAMember)?;
        let mut found = match url.scheme() {
            "http" => Self::of(&url, false),
            "https" => Self::of(&url, true),
            _ => None,
        }
        .ok_or(NotAMember)?;
        // `Url` leaves out the port that goes with its scheme.
        match url.scheme() {
            "http" if port_of_scheme(":80") => found.port = 80,
            "https" if port_of_scheme(":443") => found.port = 443,
            _ => {}
        }
        Ok(found)
    }
}

impl MemberSource {
    /// Members from their URLs with `+` between them, or from one name: `dns://name:9876` whose owts speak
    /// HTTP, `dns+https://name:9876` those that speak HTTPS. `weights` are those of the URLs, in their order.
    ///
    /// # Errors
    /// When a text is none of these, or there are other numbers of weights than of URLs.
    pub fn parse(text: &str, weights: Option<&[u32]>) -> Result<Self, String> {
        let words = |err: NotAMember| err.to_string();
        for (prefix, scheme) in [("dns://", "http://"), ("dns+https://", "https://")] {
            if let Some(rest) = text.strip_prefix(prefix) {
                let url = format!("{scheme}{rest}").parse().map_err(words)?;
                return match weights {
                    None => Ok(Self::Dns(url)),
                    Some(_) => {
                        Err("members of one name weigh the same: leave out weight".to_owned())
                    }
                };
            }
        }
        let urls: Vec<MemberUrl> = text
            .split('+')
            .map(|url| url.trim().parse())
            .collect::<Result<_, _>>()
            .map_err(words)?;
        let twice = urls.iter().enumerate().find(|(at, url)| urls[..*at].contains(url));
        if let Some((_, url)) = twice {
            return Err(format!("{url} is there twice"));
        }
        let weights = weights.map_or_else(|| vec![1; urls.len()], <[u32]>::to_vec);
        match weights.len() == urls.len() {
            true => Ok(Self::Urls(urls.into_iter().zip(weights).collect())),
            false => Err(format!("give a weight for each of the {} members", urls.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("http://a:1", Ok("http://a:1"))]
    #[case("https://a.example", Ok("https://a.example:9876"))]
    #[case("https://a.example:443/", Ok("https://a.example:443"))]
    #[case("http://a:80", Ok("http://a:80"))]
    #[case("http://[::1]:9000", Ok("http://[::1]:9000"))]
    #[case("http://a:1/path", Err(NotAMember))]
    #[case("http://user:word@a:1", Err(NotAMember))]
    #[case("ftp://a", Err(NotAMember))]
    #[case("a:9876", Err(NotAMember))]
    fn a_member_has_a_url(#[case] text: &str, #[case] expected: Result<&str, NotAMember>) {
        let found = text.parse::<MemberUrl>().map(|url| url.to_string());
        assert_eq!(found, expected.map(str::to_owned));
    }

    #[rstest]
    #[case("http://a:1+http://b:2", None, "[a:1 1, b:2 1]")]
    #[case("http://a:1+http://b:2", Some(&[1, 3][..]), "[a:1 1, b:2 3]")]
    #[case("http://a:1+http://b:2", Some(&[1][..]), "give a weight for each of the 2 members")]
    #[case("http://a:1+http://a:1", None, "http://a:1 is there twice")]
    #[case("dns://a.svc:1", None, "http a.svc:1")]
    #[case("dns+https://a.svc:1", None, "https a.svc:1")]
    #[case("dns://a:1", Some(&[1][..]), "members of one name weigh the same: leave out weight")]
    #[case("", None, "give URLs of owts such as http://host:9876, or one such as dns://name:9876")]
    fn members_are_urls_or_a_name(
        #[case] text: &str,
        #[case] weights: Option<&[u32]>,
        #[case] expected: &str,
    ) {
        let shown = match MemberSource::parse(text, weights) {
            Ok(MemberSource::Urls(urls)) => {
                let urls = urls.iter().map(|(url, weight)| format!("{} {weight}", url.name()));
                format!("[{}]", urls.collect::<Vec<_>>().join(", "))
            }
            Ok(MemberSource::Dns(url)) => {
                format!("{} {}", if url.is_tls { "https" } else { "http" }, url.name())
            }
            Ok(MemberSource::Ray(_)) => unreachable!("these have no URLs"),
            Err(problem) => problem,
        };
        assert_eq!(shown, expected);
    }
}
