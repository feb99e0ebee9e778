//! Multipart forms (RFC 7578), taken apart while they arrive: what is small is held, and what is
//! large goes to files.

use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use futures_util::{Stream, TryStreamExt, stream};
use multer::{Field, Multipart};
use owt_core::{Content, Envelope, Error, Part};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::disposition::Disposition;
use super::incoming::Incoming;
use crate::memory_budget::Reserved;
use crate::spool::Spool;

/// The header in which a part has its names.
const CONTENT_DISPOSITION: &str = "content-disposition";

/// How many bytes of one form's files are held; what comes after goes to disk.
pub(super) const HELD_FILES: usize = 1 << 20;

/// How many bytes of one form's other fields are held, and there may be no more.
const HELD_FIELDS: usize = 256 << 20;

/// How many bytes may come before a part's head is complete. The parser holds them all, and looks
/// through them again with each piece that arrives.
const MAX_HEAD: usize = 64 * 1024;

/// Bytes that a part counts for besides its name: what is kept of one that is empty.
const PART: usize = 1024;

/// A form that has been taken apart.
pub(super) struct Form {
    pub(super) parts: Vec<Part>,
    /// Keeps the files of the parts.
    pub(super) spool: Option<Spool>,
    /// Its share of the memory that bodies may take.
    pub(super) held: Reserved,
    /// What is held of its files.
    files: usize,
    /// What its fields count for, and the heads of all its parts.
    fields: usize,
}

/// Takes a form apart as it arrives. `first` is what has been read of it.
pub(super) async fn receive(
    first: Bytes,
    mut incoming: Incoming,
    boundary: String,
    uploads: &Path,
    max_parts: usize,
) -> Result<Form, Error> {
    let held = incoming.take_held();
    // Through a channel, because the parser wants what may move between threads.
    let (sender, mut chunks) = mpsc::channel(1);
    let feed = async move {
        let mut next = Ok(Some(first));
        while let Some(chunk) = next.transpose() {
            let is_error = chunk.is_err();
            if sender.send(chunk).await.is_err() || is_error {
                return;
            }
            next = incoming.next().await;
        }
    };
    let chunks = stream::poll_fn(move |cx| chunks.poll_recv(cx));
    match select(pin!(take_apart(chunks, boundary, uploads, held, max_parts)), pin!(feed)).await {
        // What is left of a form that is wrong is not waited for.
        Either::Left((Err(err), _)) => Err(err),
        Either::Left((form, feed)) => {
            feed.await;
            form
        }
        Either::Right(((), form)) => form.await,
    }
}

/// Takes apart a form that is all there.
pub(super) async fn read(
    bytes: Bytes,
    boundary: String,
    uploads: &Path,
    held: Reserved,
    max_parts: usize,
) -> Result<Form, Error> {
    take_apart(stream::once(async { Ok(bytes) }), boundary, uploads, held, max_parts).await
}

async fn take_apart(
    chunks: impl Stream<Item = Result<Bytes, Error>> + Send,
    boundary: String,
    uploads: &Path,
    held: Reserved,
    max_parts: usize,
) -> Result<Form, Error> {
    let arrived = Arc::<AtomicUsize>::default();
    let count = arrived.clone();
    let chunks = chunks.inspect_ok(move |chunk| {
        count.fetch_add(chunk.len(), Ordering::Relaxed);
    });
    let mut fields = Multipart::new(chunks, boundary);
    let mut form = Form { parts: Vec::new(), spool: None, held, files: 0, fields: 0 };
    while let Some(field) = next_field(&mut fields, &arrived).await? {
        if form.parts.len() >= max_parts {
            return Err(Error::TooManyParts { limit: max_parts });
        }
        // Not as multer reads them: it knows neither `filename*` nor the quotes of browsers.
        let disposition = field.headers().get(CONTENT_DISPOSITION);
        let Disposition { name, filename } =
            disposition.map(|value| Disposition::parse(value.as_bytes())).unwrap_or_default();
        let content_type = field.content_type().map(ToString::to_string);
        let texts = [Some(&name), filename.as_ref(), content_type.as_ref()];
        form.count(PART + texts.into_iter().flatten().map(String::len).sum::<usize>()).await?;
        // A file under the name of a field of ours is one of them (`curl -F code_b64=@file`).
        let content = match filename.is_none() || Envelope::has_field(&name) {
            true => Content::InMemory(form.hold(field).await?),
            false => form.keep(field, uploads).await?,
        };
        form.parts.push(Part { name, filename, content_type, content });
    }
    Ok(form)
}

/// The next part, whose head has to be there before long.
async fn next_field<'a>(
    fields: &mut Multipart<'a>,
    arrived: &AtomicUsize,
) -> Result<Option<Field<'a>>, Error> {
    let before = arrived.load(Ordering::Relaxed);
    poll_fn(|cx| match fields.poll_next_field(cx) {
        Poll::Pending if arrived.load(Ordering::Relaxed) - before > MAX_HEAD => {
            Poll::Ready(Err(Error::ContentType))
        }
        next => next.map_err(error),
    })
    .await
}

impl Form {
    /// Counts what is held in any case, so that there is an end to it.
    async fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.fields += bytes;
        if self.fields > HELD_FIELDS {
            return Err(Error::TextTooLarge { limit: HELD_FIELDS as u64 });
        }
        self.make_room().await
    }

    /// Waits until there is room for all that it holds.
    async fn make_room(&mut self) -> Result<(), Error> {
        self.held.make_room((self.fields + self.files) as u64).await
    }

    /// Reads a field that is text.
    async fn hold(&mut self, mut field: Field<'_>) -> Result<Bytes, Error> {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = field.chunk().await.map_err(error)? {
            self.count(chunk.len()).await?;
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }

    /// Reads a file: into memory as long as there is room, and then to disk.
    async fn keep(&mut self, mut field: Field<'_>, uploads: &Path) -> Result<Content, Error> {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = field.chunk().await.map_err(error)? {
            bytes.extend_from_slice(&chunk);
            self.files += chunk.len();
            if self.files > HELD_FILES {
                return self.spool(&bytes, field, uploads).await;
            }
            self.make_room().await?;
        }
        Ok(Content::InMemory(bytes.freeze()))
    }

    async fn spool(
        &mut self,
        first: &[u8],
        mut field: Field<'_>,
        uploads: &Path,
    ) -> Result<Content, Error> {
        let spool = match self.spool.take() {
            Some(spool) => spool,
            None => Spool::make(uploads).await.map_err(|err| full(&err))?,
        };
        let (path, mut file) = self.spool.insert(spool).file().await.map_err(|err| full(&err))?;
        file.write_all(first).await.map_err(|err| full(&err))?;
        while let Some(chunk) = field.chunk().await.map_err(error)? {
            file.write_all(&chunk).await.map_err(|err| full(&err))?;
        }
        finish(file).await.map_err(|err| full(&err))?;
        self.files -= first.len();
        Ok(Content::File(path))
    }
}

/// Sees to it that everything has been written: a `File` that is dropped does not say if it failed.
async fn finish(mut file: File) -> io::Result<()> {
    file.flush().await
}

/// What our own stream broke off with, or what is wrong with the form.
fn error(err: multer::Error) -> Error {
    match err {
        multer::Error::StreamReadFailed(cause) => {
            cause.downcast().map_or(Error::BodyIncomplete, |ours| *ours)
        }
        multer::Error::IncompleteStream
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteFieldData { .. } => Error::BodyIncomplete,
        _ => Error::ContentType,
    }
}

pub(super) fn full(err: &io::Error) -> Error {
    tracing::error!("cannot keep a file that a client sends: {err}");
    Error::StorageFull
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::StreamExt;
    use rstest::rstest;

    use super::*;
    use crate::memory_budget::MemoryBudget;

    const FORM: &str = "--x\r\nContent-Disposition: form-data; name=\"code_b64\"; filename=\"a.py\"\r\n\r\n\
                        cnVu\r\n--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhi\r\n\
                        --x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.bin\"\r\n\
                        Content-Type: application/x-f\r\n\r\n";

    /// More than any test has.
    const MAX_PARTS: usize = 1 << 30;

    fn part(name: &str, filename: Option<&str>, kind: Option<&str>, content: Content) -> Part {
        let (filename, content_type) = (filename.map(str::to_owned), kind.map(str::to_owned));
        Part { name: name.to_owned(), filename, content_type, content }
    }

    fn room() -> Reserved {
        MemoryBudget::new(1 << 30).hold(Duration::from_secs(30))
    }

    async fn parse(pieces: Vec<Bytes>, uploads: &Path) -> Result<Form, Error> {
        let chunks = stream::iter(pieces.into_iter().map(Ok));
        take_apart(chunks, "x".to_owned(), uploads, room(), MAX_PARTS).await
    }

    #[tokio::test]
    async fn small_forms_are_held() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{FORM}\0\r\n\r\n--x--\r\n");
        let pieces = text.as_bytes().chunks(3).map(Bytes::copy_from_slice).collect();
        let form = parse(pieces, folder.path()).await.unwrap();
        let held = |bytes: &'static [u8]| Content::InMemory(Bytes::from_static(bytes));
        let expected = vec![
            part("code_b64", Some("a.py"), None, held(b"cnVu")),
            part("note", None, None, held(b"hi")),
            part("f", Some("f.bin"), Some("application/x-f"), held(b"\0\r\n")),
        ];
        assert_eq!(form.parts, expected);
        assert!(form.spool.is_none());
    }

    #[tokio::test]
    async fn large_files_go_to_disk_and_go_with_their_form() {
        let folder = tempfile::tempdir().unwrap();
        let content = vec![b'a'; 3 * HELD_FILES];
        let mut pieces = vec![Bytes::from_static(FORM.as_bytes())];
        pieces.extend(content.chunks(60_000).map(Bytes::copy_from_slice));
        pieces.push(Bytes::from_static(b"\r\n--x--\r\n"));
        let form = parse(pieces, folder.path()).await.unwrap();
        let Content::File(path) = &form.parts[2].content else { panic!("it is held") };
        assert_eq!(std::fs::read(path).unwrap(), content);
        let mut spool = form.spool.unwrap();
        let (second, _) = spool.file().await.unwrap();
        assert_ne!(&second, path);
        tokio::task::spawn_blocking(move || drop(spool)).await.unwrap();
        while std::fs::read_dir(folder.path()).unwrap().next().is_some() {
            tokio::task::yield_now().await;
        }
    }

    #[rstest]
    #[case::before_the_first_part("")]
    #[case::in_the_head_of_a_part("--x\r\nX-Long: ")]
    #[tokio::test]
    async fn a_head_without_an_end_is_not_waited_for(#[case] start: &'static str) {
        let folder = tempfile::tempdir().unwrap();
        let piece = Bytes::from_static(&[b'a'; 1000]);
        let seen = AtomicUsize::new(0);
        // One piece at a time, as they come from a socket.
        let chunks = stream::iter([Bytes::from_static(start.as_bytes())])
            .chain(stream::repeat(piece))
            .then(async |chunk| {
                tokio::task::yield_now().await;
                Ok(chunk)
            })
            .inspect_ok(|chunk| {
                seen.fetch_add(chunk.len(), Ordering::Relaxed);
            });
        let form =
            take_apart(chunks.boxed(), "x".to_owned(), folder.path(), room(), MAX_PARTS).await;
        assert_eq!(form.err().map(|err| err.code()), Some("content-type"));
        assert!(seen.into_inner() < MAX_HEAD + 3000);
    }

    #[tokio::test]
    async fn parts_without_number_are_refused_however_small() {
        let folder = tempfile::tempdir().unwrap();
        let part = "--x\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n\r\n";
        let pieces = vec![Bytes::from(part.repeat(1000)); HELD_FIELDS / PART / 1000 + 1];
        let form = parse(pieces, folder.path()).await;
        assert_eq!(form.err().map(|err| err.code()), Some("body-too-large"));
    }

    #[tokio::test]
    async fn what_broke_off_or_is_no_form_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let code = async |text: &'static str| {
            let form = parse(vec![Bytes::from_static(text.as_bytes())], folder.path()).await;
            form.map(|_| "a form").unwrap_or_else(|err| err.code())
        };
        assert_eq!(code(FORM).await, "body-incomplete");
        assert_eq!(code("--y--\r\n").await, "body-incomplete");
        assert_eq!(code("--x\r\nno header\r\n\r\n--x--\r\n").await, "content-type");
        let broken = stream::iter([Err(Error::BodyTooLarge { limit: 1 })]);
        let form = take_apart(broken, "x".to_owned(), folder.path(), room(), MAX_PARTS).await;
        assert_eq!(form.err().map(|err| err.code()), Some("body-too-large"));
    }
}
