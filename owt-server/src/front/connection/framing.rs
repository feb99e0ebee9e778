//! Where a request of HTTP/1 ends. actix-web decides what a request means; this only keeps two of them
//! apart, and knows why actix-web will refuse one.

use std::mem::MaybeUninit;
use std::ops::Range;

use httparse::{Error as Malformed, Header, Request, Status};

/// The longest head that actix-web reads.
pub(crate) const MAX_HEAD: usize = 131_072;

/// How many headers actix-web reads.
pub(crate) const MAX_HEADERS: usize = 96;

/// The longest target that fits into a `Uri`.
pub(crate) const MAX_TARGET: usize = u16::MAX as usize - 1;

/// Why a head cannot be a request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadError {
    TargetTooLong,
    HeadTooLong,
    TooManyHeaders,
    NoHost,
    SeveralHosts,
    Length,
    SeveralLengths,
    LengthAndChunks,
    Coding,
    Malformed,
}

/// What is known of a request by its head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) framing: Framing,
    pub(super) error: Option<HeadError>,
}

/// The bytes of a request that are still to come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Framing {
    /// Bytes whose number is known: the head, and a body with a length.
    plain: u64,
    chunks: Option<Chunks>,
}

/// Where a body in chunks stands (RFC 9112, section 7.1).
#[derive(Debug, PartialEq, Eq)]
enum Chunks {
    Size { size: u64, has_ended: bool },
    Data(u64),
    DataEnd,
    Trailer { is_empty: bool },
    Over,
}

/// Reads a head; `None` if more of it has to come. No other protocol is spoken than HTTP, so an offer
/// of one is taken out (RFC 9110, section 7.8): actix-web would take what follows for that protocol.
pub(super) fn read_head(bytes: &mut [u8]) -> Option<Head> {
    // Most of their places stay unused, and are not cleared for that.
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = Request::new(&mut []);
    let len = match request.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(Status::Complete(len)) => len,
        Ok(Status::Partial) if bytes.len() < MAX_HEAD => return None,
        Ok(Status::Partial) => return Some(Head::broken(HeadError::HeadTooLong)),
        Err(Malformed::TooManyHeaders) => return Some(Head::broken(HeadError::TooManyHeaders)),
        Err(_) => return Some(Head::broken(HeadError::Malformed)),
    };
    let mut found = Found::default();
    for header in &*request.headers {
        found.look_at(header);
    }
    let error = error(&request, &found);
    let offers = found.offers(bytes);
    let framing = found.framing(len, request.method == Some("CONNECT"));
    for offer in offers {
        bytes[offer].fill(b' ');
    }
    Some(Head { framing, error })
}

impl Head {
    fn broken(error: HeadError) -> Self {
        Self { framing: Framing { plain: u64::MAX, chunks: None }, error: Some(error) }
    }
}

/// The headers that matter here.
#[derive(Default)]
struct Found<'a> {
    hosts: u32,
    lengths: u32,
    length: Option<u64>,
    codings: u32,
    is_chunked: bool,
    upgrades: Vec<&'a [u8]>,
}

impl<'a> Found<'a> {
    fn look_at(&mut self, header: &Header<'a>) {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        // No other name has these lengths, so that most are not compared at all.
        match header.name.len() {
            4 if is("host") => self.hosts += 1,
            7 if is("upgrade") => self.upgrades.push(header.value),
            10 if is("connection") => self.upgrades.extend(upgrade_options(header.value)),
            14 if is("content-length") => {
                self.lengths += 1;
                self.length = length(header.value);
            }
            17 if is("transfer-encoding") => {
                self.codings += 1;
                self.is_chunked = header.value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            }
            _ => {}
        }
    }

    /// Where in the head another protocol is offered.
    fn offers(&self, head: &[u8]) -> Vec<Range<usize>> {
        let place = |part: &&[u8]| {
            let start = part.as_ptr().addr() - head.as_ptr().addr();
            start..start + part.len()
        };
        self.upgrades.iter().map(place).collect()
    }

    fn framing(&self, head: usize, is_connect: bool) -> Framing {
        let chunks = self.is_chunked.then_some(Chunks::Size { size: 0, has_ended: false });
        let length = match is_connect && self.length.is_none() {
            // A tunnel, which has no end.
            true => u64::MAX,
            false => self.length.unwrap_or(0),
        };
        Framing { plain: length.saturating_add(head as u64), chunks }
    }
}

fn upgrade_options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let options = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    options.filter(|option| option.eq_ignore_ascii_case(b"upgrade"))
}

fn length(value: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(value).ok()?.trim();
    (!digits.starts_with('+')).then(|| digits.parse().ok()).flatten()
}

/// What actix-web refuses a request for.
fn error(request: &Request<'_, '_>, found: &Found<'_>) -> Option<HeadError> {
    let is_old = request.version == Some(0);
    let target = request.path.unwrap_or_default();
    Some(match found {
        _ if target.len() > MAX_TARGET => HeadError::TargetTooLong,
        Found { hosts: 0, .. } if !is_old => HeadError::NoHost,
        Found { hosts: 2.., .. } => HeadError::SeveralHosts,
        Found { lengths: 2.., .. } => HeadError::SeveralLengths,
        Found { lengths: 1, length: None, .. } => HeadError::Length,
        Found { lengths: 1, codings: 1.., .. } => HeadError::LengthAndChunks,
        Found { codings: 2.., .. } | Found { codings: 1, is_chunked: false, .. } => {
            HeadError::Coding
        }
        Found { codings: 1, .. } if is_old => HeadError::Coding,
        Found { lengths: 0, .. } if is_old && request.method == Some("POST") => HeadError::Length,
        _ => return None,
    })
}

impl Framing {
    pub(super) fn is_over(&self) -> bool {
        self.plain == 0 && matches!(self.chunks, None | Some(Chunks::Over))
    }

    pub(super) fn is_chunked(&self) -> bool {
        self.chunks.is_some()
    }

    /// How many bytes are to come before anything has to be looked at.
    pub(super) fn plain(&self) -> u64 {
        self.plain
    }

    /// Takes so many of those.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.plain = self.plain.saturating_sub(bytes as u64);
    }

    /// Takes of these bytes what belongs to the request; how many that are.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = at_most(self.plain, bytes.len());
        self.skip(taken);
        let Some(chunks) = &mut self.chunks else { return taken };
        while taken < bytes.len() && *chunks != Chunks::Over {
            taken += chunks.take(&bytes[taken..]);
        }
        taken
    }
}

impl Chunks {
    /// Takes a few bytes, at least one of them.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let byte = bytes[0];
        match self {
            Chunks::Data(left) => {
                let taken = at_most(*left, bytes.len());
                *left -= taken as u64;
                if *left == 0 {
                    *self = Chunks::DataEnd;
                }
                return taken;
            }
            Chunks::Size { size: 0, .. } if byte == b'\n' => {
                *self = Chunks::Trailer { is_empty: true }
            }
            Chunks::Size { size, .. } if byte == b'\n' => *self = Chunks::Data(*size),
            Chunks::Size { size, has_ended } => match char::from(byte).to_digit(16) {
                Some(digit) if !*has_ended => {
                    *size = size.saturating_mul(16).saturating_add(u64::from(digit));
                }
                _ => *has_ended = true,
            },
            Chunks::DataEnd if byte == b'\n' => *self = Chunks::Size { size: 0, has_ended: false },
            Chunks::Trailer { is_empty: true } if byte == b'\n' => *self = Chunks::Over,
            Chunks::Trailer { is_empty } => {
                *is_empty = byte == b'\n' || (*is_empty && byte == b'\r');
            }
            Chunks::DataEnd | Chunks::Over => {}
        }
        1
    }
}

fn at_most(left: u64, len: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const HOST: &str = "Host: localhost\r\n";

    fn head(text: &str) -> Head {
        read_head(&mut text.as_bytes().to_vec()).expect("a whole head")
    }

    #[rstest]
    #[case::nothing("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "")]
    #[case::length("POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 3\r\n\r\n", "abc")]
    #[case::chunks(
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n",
        "3\r\nabc\r\n0A;x=\"1\"\r\n0123456789\r\n0\r\n\r\n"
    )]
    #[case::trailers(
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0\r\nA: b\r\nC: d\r\n\r\n"
    )]
    fn a_request_ends_where_the_next_one_begins(#[case] head: &str, #[case] body: &str) {
        let request = format!("{head}{body}");
        let next = format!("{request}GET /next");
        let mut framing = read_head(&mut next.clone().into_bytes()).unwrap().framing;
        assert_eq!(framing.take(next.as_bytes()), request.len());
        assert!(framing.is_over());
    }

    #[rstest]
    #[case::host("GET / HTTP/1.1\r\n", HeadError::NoHost)]
    #[case::hosts("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", HeadError::SeveralHosts)]
    #[case::length("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n", HeadError::Length)]
    #[case::old_length("POST / HTTP/1.0\r\n", HeadError::Length)]
    #[case::old_chunks("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", HeadError::Coding)]
    #[case::malformed("GET / HTTP/3\r\n", HeadError::Malformed)]
    fn what_is_wrong_with_a_head_is_known(#[case] text: &str, #[case] expected: HeadError) {
        assert_eq!(head(&format!("{text}\r\n")).error, Some(expected));
    }

    #[rstest]
    #[case("Connection: upgrade", "Connection:        ")]
    #[case("Connection: close,Upgrade, x", "Connection: close,       , x")]
    #[case("UPGRADE: websocket", "UPGRADE:          ")]
    #[case("X-Upgrade: websocket", "X-Upgrade: websocket")]
    fn an_offer_of_another_protocol_is_taken_out(#[case] line: &str, #[case] expected: &str) {
        let mut bytes = format!("GET / HTTP/1.1\r\n{HOST}{line}\r\n\r\n").into_bytes();
        assert_eq!(read_head(&mut bytes).unwrap().error, None);
        let expected = format!("GET / HTTP/1.1\r\n{HOST}{expected}\r\n\r\n");
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn a_chunk_that_is_larger_than_can_be_counted_has_no_end() {
        let request = format!("POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n");
        let sent = format!("{request}{}\r\n0\r\n\r\nGET /next", "f".repeat(17));
        let mut framing = head(&request).framing;
        assert_eq!(framing.take(sent.as_bytes()), sent.len());
        assert!(!framing.is_over());
    }

    proptest! {
        #[test]
        fn it_does_not_matter_in_which_pieces_a_request_comes(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..5),
            cuts in prop::collection::vec(1..30_usize, 1..20),
        ) {
            let mut request =
                format!("POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
            for chunk in &chunks {
                request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                request.extend([chunk, &b"\r\n"[..]].concat());
            }
            request.extend(b"0\r\n\r\n");
            let mut framing = read_head(&mut request.clone()).unwrap().framing;
            let sent = [&request[..], b"more"].concat();
            let (mut at, mut cuts) = (0, cuts.iter().cycle());
            while !framing.is_over() {
                let end = sent.len().min(at + cuts.next().unwrap());
                at += framing.take(&sent[at..end]);
            }
            prop_assert_eq!(at, request.len());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut head = bytes.clone();
            if let Some(Head { mut framing, .. }) = read_head(&mut head) {
                prop_assert!(framing.take(&bytes) <= bytes.len());
            }
        }
    }
}
