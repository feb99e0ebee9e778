//! Forms of several parts: their heads, and the names in them. However a form is cut, its parts are the
//! same.

#![no_main]

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream;
use libfuzzer_sys::fuzz_target;
use multer::Multipart;

// Not through its crate, which would bring all of actix-web and build a worker.
#[allow(dead_code, unreachable_pub)]
#[path = "../../owt-server/src/front/disposition.rs"]
mod disposition;

use disposition::Disposition;

/// A part as far as it was read: its names and its content.
type Part = (Disposition, Option<Bytes>);

fuzz_target!(|input: (u8, &str, &[u8])| {
    let (cut, content_type, bytes) = input;
    let _ = multer::parse_boundary(content_type);
    let _ = Disposition::parse(bytes);
    let whole = parts(vec![Bytes::copy_from_slice(bytes)]);
    let pieces = bytes.chunks(1 + usize::from(cut)).map(Bytes::copy_from_slice);
    let cut = parts(pieces.collect());
    if let (Some(whole), Some(cut)) = (whole, cut) {
        assert_eq!(whole, cut);
    }
});

/// The parts of a form, or nothing if it is none.
fn parts(pieces: Vec<Bytes>) -> Option<Vec<Part>> {
    let pieces = stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
    let mut form = Multipart::new(pieces, "x");
    let read = async {
        let mut parts = Vec::new();
        while let Some(field) = form.next_field().await.ok()? {
            let header = field.headers().get("content-disposition");
            let names = header.map(|value| Disposition::parse(value.as_bytes()));
            parts.push((names.unwrap_or_default(), field.bytes().await.ok()));
        }
        Some(parts)
    };
    read.now_or_never().expect("all of it is there")
}
