//! The object that Python holds of a call: `owt._border.Call`.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyConnectionResetError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use super::call::Call;
use super::upload::Taken;
use crate::wire::{CHUNK, Kind, ReplyHead};

/// What Python holds of a [`Call`].
#[pyclass(frozen, name = "Call", module = "owt._border")]
pub(crate) struct PyCall(pub(crate) Arc<Call>);

#[pymethods]
impl PyCall {
    #[getter]
    fn id(&self) -> &str {
        &self.0.head.request_id
    }

    #[getter]
    fn digest(&self) -> String {
        owt_core::Digest(self.0.head.digest).to_string()
    }

    #[getter]
    fn source(&self) -> Option<&str> {
        self.0.head.source.as_deref()
    }

    #[getter]
    fn fn_name(&self) -> &str {
        &self.0.head.fn_name
    }

    #[getter]
    fn name(&self) -> Option<&str> {
        self.0.head.name.as_deref()
    }

    #[getter]
    fn kwargs(&self) -> Option<&str> {
        self.0.head.kwargs.as_deref()
    }

    #[getter]
    fn reload(&self) -> bool {
        self.0.head.reload
    }

    #[getter]
    fn method(&self) -> &str {
        &self.0.head.method
    }

    #[getter]
    fn scheme(&self) -> &str {
        &self.0.head.scheme
    }

    #[getter]
    fn host(&self) -> &str {
        &self.0.head.host
    }

    #[getter]
    fn raw_path(&self) -> &str {
        &self.0.head.path
    }

    #[getter]
    fn query(&self) -> &str {
        &self.0.head.query
    }

    #[getter]
    fn remote_addr(&self) -> &str {
        &self.0.head.remote_addr
    }

    /// Names in lower case; values are bytes on the wire and Latin-1 in Python, as in PEP 3333.
    #[getter]
    fn headers(&self) -> Vec<(&str, String)> {
        let latin1 = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect();
        self.0.head.headers.iter().map(|(name, value)| (&**name, latin1(value))).collect()
    }

    /// The body, unless it comes while the call runs.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let is_multipart = self.0.head.parts.is_some();
        let body: &[u8] = if is_multipart { b"" } else { &self.0.body };
        self.0.upload.is_none().then(|| PyBytes::new(py, body))
    }

    /// Takes the next piece of a body that comes while the call runs, and waits for it. Empty: the end.
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let upload = self.0.upload.as_ref();
        let taken = upload.map_or(Taken::End, |upload| self.0.wait_for(py, upload));
        Ok(self.taken(py, taken)?.unwrap_or_else(|| PyBytes::new(py, b"")))
    }

    /// Does the same without waiting: `None` if nothing has come.
    fn receive_nowait<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let upload = self.0.upload.as_ref();
        let taken = upload.map_or(Taken::End, |upload| self.0.take_from(upload));
        self.taken(py, taken)
    }

    /// Whether there is something to take. If not, `callback` is called once when there is.
    #[pyo3(signature = (callback, /))]
    fn when_readable(&self, callback: Py<PyAny>) -> bool {
        self.0.upload.as_ref().is_none_or(|upload| upload.when_readable(callback))
    }

    #[getter]
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let Some(parts) = &self.0.head.parts else {
            return Ok(None);
        };
        let list = PyList::empty(py);
        let mut rest = self.0.body.clone();
        for part in parts {
            let len = usize::try_from(part.len).unwrap_or(usize::MAX).min(rest.len());
            let data = PyBytes::new(py, &rest.split_to(len));
            list.append((
                &*part.name,
                part.filename.as_deref(),
                part.content_type.as_deref(),
                data,
                part.path.as_deref(),
            ))?;
        }
        Ok(Some(list))
    }

    #[getter]
    fn disconnected(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Asks the front for the source: the call comes again with it.
    fn need_source(&self) -> PyResult<()> {
        self.0.begin_answer()?;
        self.0.end_answer(Some((Kind::NeedSource, "")));
        Ok(())
    }

    /// Says that loading is over and running begins.
    fn loaded(&self) {
        self.0.loaded();
    }

    /// Answers with a body that is all there.
    #[pyo3(signature = (status, content_type, headers, body, /))]
    fn reply(
        &self,
        py: Python<'_>,
        status: u16,
        content_type: Option<&str>,
        headers: Vec<(String, String)>,
        body: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        with_bytes(body, |body| {
            self.0.begin_answer()?;
            let (first, rest) = body.split_at(body.len().min(CHUNK));
            self.push_reply_head(status, content_type, headers, Some(body.len()), first);
            if rest.is_empty() {
                self.0.end_answer(None);
            } else {
                self.0.send(py, rest);
                self.0.end_answer(Some((Kind::End, "")));
            }
            Ok(())
        })?;
        self.flush(py);
        Ok(())
    }

    /// Answers with an error of owt's own: a code, the whole text for a person, and what the log may
    /// hold of it.
    #[pyo3(signature = (code, text, place=None, /))]
    fn fail(&self, py: Python<'_>, code: &str, text: &str, place: Option<&str>) {
        self.0.fail(code, text, place);
        self.flush(py);
    }

    /// Begins an answer whose body comes in chunks, of so many bytes in all if that is known.
    #[pyo3(signature = (status, content_type, headers, length, /))]
    fn start(
        &self,
        status: u16,
        content_type: Option<&str>,
        headers: Vec<(String, String)>,
        length: Option<usize>,
    ) -> PyResult<()> {
        self.0.begin_answer()?;
        self.push_reply_head(status, content_type, headers, length, b"");
        // With the first chunk, if that comes soon.
        self.0.engine.send_soon();
        Ok(())
    }

    /// Sends one chunk; waits while the reader is slow. `False` once nobody reads any more: the
    /// call is not interrupted from then on, so that it can clean up.
    #[pyo3(signature = (chunk, /))]
    fn send(&self, py: Python<'_>, chunk: &Bound<'_, PyAny>) -> PyResult<bool> {
        let is_read = with_bytes(chunk, |bytes| Ok(self.0.send(py, bytes)))?;
        if !is_read {
            self.0.settle(py);
        }
        Ok(is_read)
    }

    /// Sends one chunk without waiting, whatever the reader does.
    #[pyo3(signature = (chunk, /))]
    fn send_nowait(&self, py: Python<'_>, chunk: &Bound<'_, PyAny>) -> PyResult<bool> {
        with_bytes(chunk, |bytes| {
            self.0.push_chunk(bytes);
            Ok(())
        })?;
        if !self.0.gathers() {
            py.detach(|| self.0.link.flush());
        }
        Ok(!self.0.is_cancelled())
    }

    /// Whether the reader can take more.
    #[getter]
    fn writable(&self) -> bool {
        self.0.is_writable()
    }

    /// Whether the reader can take more. If not, `callback` is called once when it can.
    #[pyo3(signature = (callback, /))]
    fn when_writable(&self, callback: Py<PyAny>) -> bool {
        self.0.when_writable(callback)
    }

    /// Ends an answer that came in chunks.
    fn finish(&self, py: Python<'_>) {
        self.0.end_answer(Some((Kind::End, "")));
        self.flush(py);
    }

    /// Breaks an answer off half way, so that the reader sees that it is not complete.
    #[pyo3(signature = (text, /))]
    fn abort(&self, py: Python<'_>, text: &str) {
        self.0.end_answer(Some((Kind::Broken, text)));
        self.flush(py);
    }

    /// Says that a call of the event loop goes on on this thread, which is to be interrupted if need
    /// be; `False` if nobody waits for it any more.
    fn occupy(&self) -> bool {
        self.0.occupy()
    }

    /// Says that the thread that was occupied is done with the call.
    fn settle(&self, py: Python<'_>) {
        self.0.settle(py);
    }

    /// Says that nothing runs any more for a call that went on after `handle` had returned.
    fn done(&self, py: Python<'_>) {
        self.0.engine.over(py, &self.0);
        self.flush(py);
    }
}

impl PyCall {
    /// What was taken of the body, as Python sees it. Once the call was cancelled, it is not
    /// interrupted any more, so that it can clean up.
    fn taken<'py>(&self, py: Python<'py>, taken: Taken) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.flush(py);
        match taken {
            Taken::Chunk(chunk) => Ok(Some(PyBytes::new(py, &chunk))),
            Taken::End => Ok(Some(PyBytes::new(py, b""))),
            Taken::Nothing => Ok(None),
            Taken::Gone => {
                self.0.settle(py);
                let words = match self.0.is_cancelled() {
                    true => "the client went away before the end of the body, or time was up",
                    false => "the call was answered before the end of the body",
                };
                Err(PyConnectionResetError::new_err(words))
            }
        }
    }

    /// Sends what waits, without holding Python up, unless the leader does so after its batch.
    fn flush(&self, py: Python<'_>) {
        if !self.0.engine.is_leading() {
            py.detach(|| self.0.link.flush());
        }
    }

    fn push_reply_head(
        &self,
        status: u16,
        content_type: Option<&str>,
        headers: Vec<(String, String)>,
        length: Option<usize>,
        first: &[u8],
    ) {
        let (load_us, run_us) = self.0.timing();
        let head = ReplyHead {
            status,
            content_type: content_type.map(Cow::from),
            headers: headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            load_us,
            run_us,
            length: length.map(|len| len as u64),
        };
        self.0.link.push_head(Kind::Head, self.0.id, &head, first);
    }
}

/// Hands over the bytes of a `str` (as UTF-8), of `bytes`, or of anything with a buffer.
fn with_bytes<T>(value: &Bound<'_, PyAny>, take: impl FnOnce(&[u8]) -> PyResult<T>) -> PyResult<T> {
    if let Ok(text) = value.cast::<PyString>() {
        return take(text.to_str()?.as_bytes());
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return take(bytes.as_bytes());
    }
    let buffer = PyBuffer::<u8>::get(value)
        .map_err(|_| PyTypeError::new_err("a body is str, bytes, bytearray or memoryview"))?;
    take(&buffer.to_vec(value.py())?)
}
