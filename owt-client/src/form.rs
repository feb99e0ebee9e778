//! A multipart form: files, and fields beside them.

use std::fmt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use owt_core::Envelope;
use reqwest::multipart;

use crate::body::open_file;
use crate::{Error, error::TransportError};

/// A `multipart/form-data` body (RFC 7578). The adaptor finds it in `request.form` and
/// `request.files`.
///
/// Fields and bytes are in memory, and sent again if need be; files are read while they are sent.
///
/// # Examples
///
/// ```
/// use owt_client::{Adaptor, Client, Form};
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), owt_client::Error> {
/// # let base = &server::answering("text/plain", "notes.txt");
///
/// let form = Form::new().text("lang", "en").bytes("upload", "notes.txt", "ay up");
/// let adaptor = Adaptor::from_source("def run(request): return request.files['upload'].filename");
/// let reply = Client::new(base)?.call(adaptor).form(form).send().await?;
/// assert_eq!(reply.text().await?, "notes.txt");
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Form {
    fields: Vec<(String, Value)>,
}

#[derive(Clone)]
enum Value {
    Text(String),
    Bytes { filename: String, data: Bytes },
    File(PathBuf),
}

impl Form {
    /// A form with nothing in it.
    #[must_use]
    pub fn new() -> Form {
        Form::default()
    }

    /// Adds a field.
    #[must_use]
    pub fn text(self, name: impl Into<String>, text: impl Into<String>) -> Form {
        self.push(name.into(), Value::Text(text.into()))
    }

    /// Adds a file whose content is in memory.
    #[must_use]
    pub fn bytes(
        self,
        name: impl Into<String>,
        filename: impl Into<String>,
        data: impl Into<Bytes>,
    ) -> Form {
        self.push(name.into(), Value::Bytes { filename: filename.into(), data: data.into() })
    }

    /// Adds a file, which is opened when the call is sent. Its media type is guessed from its extension.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_client::Form;
    ///
    /// let form = Form::new().file("photo", "holiday/beach.jpg");
    /// ```
    #[must_use]
    pub fn file(self, name: impl Into<String>, path: impl AsRef<Path>) -> Form {
        self.push(name.into(), Value::File(path.as_ref().to_owned()))
    }

    fn push(mut self, name: String, value: Value) -> Form {
        self.fields.push((name, value));
        self
    }

    /// Whether sending it again costs no more than its bytes in memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        !self.fields.iter().any(|(_, value)| matches!(value, Value::File(_)))
    }

    /// The form as it is sent, after the fields of an envelope.
    pub(crate) async fn to_multipart(&self, envelope: &Envelope) -> Result<multipart::Form, Error> {
        let mut form = multipart::Form::new();
        // If the form has a field called `name`, the adaptor must find that one, so the envelope's own
        // `name` (the code's file) is left out.
        let is_taken =
            |field: &str| field == "name" && self.fields.iter().any(|(name, _)| name == field);
        for (name, text) in envelope.to_pairs().filter(|(name, _)| !is_taken(name)) {
            form = form.text(name, text);
        }
        for (name, value) in &self.fields {
            form = form.part(name.clone(), value.to_part().await?);
        }
        Ok(form)
    }
}

impl Value {
    async fn to_part(&self) -> Result<multipart::Part, Error> {
        match self {
            Value::Text(text) => Ok(multipart::Part::text(text.clone())),
            Value::Bytes { filename, data } => {
                let part = multipart::Part::stream_with_length(data.clone(), data.len() as u64);
                Ok(part.file_name(filename.clone()))
            }
            Value::File(path) => {
                let (body, length) = open_file(path).await?;
                let part = match length {
                    Some(length) => multipart::Part::stream_with_length(body, length),
                    None => multipart::Part::stream(body),
                };
                let mime = mime_guess::from_path(path).first_or_octet_stream();
                let part = part
                    .mime_str(mime.as_ref())
                    .map_err(|err| Error::Request(TransportError::new(err)))?;
                Ok(match path.file_name() {
                    Some(name) => part.file_name(name.to_string_lossy().into_owned()),
                    None => part,
                })
            }
        }
    }
}

impl fmt::Debug for Form {
    /// Shows only the names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields.iter().map(|(name, _)| name)).finish()
    }
}
