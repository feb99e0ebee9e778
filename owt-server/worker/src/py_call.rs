//! The Python bindings of a call: `owt._bindings.Call`.

use std::cell::Cell;
use std::sync::Arc;

use owt_core::Progress;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyConnectionResetError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use super::call::Call;
use super::engine::Engine;
use super::flow_control::try_receive;
use super::plain_reply::PlainReply;
use super::reply::{AlreadyAnswered, ReplyEnd};
use super::upload::Received;
use owt_common::wire::RequestHead;

thread_local! {
    /// Whether this thread holds back what it sends.
    static HOLDS: Cell<bool> = const { Cell::new(false) };
}

#[pyclass(frozen, weakref, name = "Call", module = "owt._bindings")]
pub(crate) struct PyCall {
    engine: Arc<Engine>,
    call: Arc<Call>,
}

#[pymethods]
impl PyCall {
    #[getter]
    fn id(&self) -> &str {
        self.call.head.run().request_id
    }

    #[getter]
    fn source(&self) -> Option<&str> {
        self.call.head.run().source
    }

    #[getter]
    fn fn_name(&self) -> &str {
        self.call.head.run().fn_name
    }

    #[getter]
    fn name(&self) -> Option<&str> {
        self.call.head.run().name
    }

    #[getter]
    fn kwargs(&self) -> Option<&str> {
        self.call.head.run().kwargs
    }

    #[getter]
    fn reload(&self) -> bool {
        self.call.head.run().reload
    }

    #[getter]
    fn endpoint(&self) -> Option<Vec<(&str, &str)>> {
        self.call.head.run().endpoint
    }

    #[getter]
    fn describe(&self) -> bool {
        self.call.head.run().describe
    }

    #[getter]
    fn method(&self) -> PyResult<&str> {
        Ok(self.request()?.method)
    }

    #[getter]
    fn scheme(&self) -> PyResult<&str> {
        Ok(self.request()?.scheme)
    }

    #[getter]
    fn host(&self) -> PyResult<&str> {
        Ok(self.request()?.host)
    }

    #[getter]
    fn raw_path(&self) -> PyResult<&str> {
        Ok(self.request()?.path)
    }

    #[getter]
    fn query(&self) -> PyResult<&str> {
        Ok(self.request()?.query)
    }

    #[getter]
    fn remote_addr(&self) -> PyResult<&str> {
        Ok(self.request()?.remote_addr)
    }

    /// Names in lower case; values are bytes on the wire and Latin-1 in Python, as in PEP 3333.
    #[getter]
    fn headers(&self) -> PyResult<Vec<(&str, String)>> {
        let latin1 = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect();
        let headers = self.request()?.headers.into_iter();
        Ok(headers.map(|(name, value)| (name, latin1(value))).collect())
    }

    /// The body, unless it is streamed.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let is_multipart = self.request()?.parts.is_some();
        let body: &[u8] = if is_multipart { b"" } else { &self.call.body };
        Ok(self.call.upload.is_none().then(|| PyBytes::new(py, body)))
    }

    /// Reads the next chunk of a streamed body, and blocks until there is one. Empty: the end.
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let received = match &self.call.upload {
            Some(upload) => self.engine.receive(py, &self.call, upload),
            None => Received::End,
        };
        Ok(self.chunk(py, received)?.unwrap_or_else(|| PyBytes::new(py, b"")))
    }

    /// Does the same without blocking: `None` if there is nothing yet.
    fn receive_nowait<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let received = match &self.call.upload {
            Some(upload) => try_receive(&self.call, upload),
            None => Received::End,
        };
        self.chunk(py, received)
    }

    /// Whether there is something to read. If not, `callback` is called once when there is.
    #[pyo3(signature = (callback, /))]
    fn when_readable(&self, callback: Py<PyAny>) -> bool {
        self.call.upload.as_ref().is_none_or(|upload| upload.when_readable(callback))
    }

    #[getter]
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let Some(parts) = self.request()?.parts else {
            return Ok(None);
        };
        let list = PyList::empty(py);
        let mut rest = self.call.body.clone();
        for part in parts {
            let len = usize::try_from(part.len).unwrap_or(usize::MAX).min(rest.len());
            let data = PyBytes::new(py, &rest.split_to(len));
            let path = part.path.as_deref();
            list.append((part.name, part.filename, part.content_type, data, path))?;
        }
        Ok(Some(list))
    }

    #[getter]
    fn disconnected(&self) -> bool {
        self.call.is_cancelled()
    }

    /// Asks the front for the source: the call comes again with it.
    fn need_source(&self) -> PyResult<()> {
        self.call.reply.begin()?;
        self.call.reply.end(&ReplyEnd::NeedSource);
        Ok(())
    }

    /// Marks that the adaptor is loaded, and its function is about to be called.
    fn loaded(&self) {
        self.call.loaded();
    }

    /// Reports how far the call has come.
    #[pyo3(signature = (done, total, text, /))]
    fn progress(
        &self,
        done: f64,
        total: Option<f64>,
        text: Option<&Bound<'_, PyString>>,
    ) -> PyResult<()> {
        let text = text.map(|text| text.to_string_lossy());
        let progress = Progress::new(done, total, text.as_deref())
            .ok_or_else(|| PyValueError::new_err("what is done is a finite number"))?;
        self.engine.report(&self.call, progress);
        Ok(())
    }

    /// Sends a reply whose body is complete.
    #[pyo3(signature = (status, content_type, headers, body, /))]
    fn reply(
        &self,
        py: Python<'_>,
        status: u16,
        content_type: Option<&str>,
        headers: Vec<(String, String)>,
        body: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        with_bytes(body, |body| self.reply_whole(py, status, content_type, headers, body))
    }

    /// Sends a value that is a reply beyond doubt, as a whole; `False`, and nothing sent, if it is another, or
    /// longer than `max_bytes`.
    #[pyo3(signature = (value, max_bytes=usize::MAX, /))]
    fn reply_plain(
        &self,
        py: Python<'_>,
        value: &Bound<'_, PyAny>,
        max_bytes: usize,
    ) -> PyResult<bool> {
        let Some(PlainReply { content_type, body }) = PlainReply::of(value, max_bytes) else {
            return Ok(false);
        };
        self.reply_whole(py, 200, Some(content_type), Vec::new(), &body)?;
        Ok(true)
    }

    /// Sends one of owt's own errors: its code, the text for a person, and what the log may contain.
    #[pyo3(signature = (code, text, log_text=None, /))]
    fn fail(&self, py: Python<'_>, code: &str, text: &str, log_text: Option<&str>) {
        self.call.fail(code, text, log_text);
        self.flush_unless_held(py);
    }

    /// Begins a streamed reply, of `length` bytes if that is known.
    #[pyo3(signature = (status, content_type, headers, length, /))]
    fn start(
        &self,
        status: u16,
        content_type: Option<&str>,
        headers: Vec<(String, String)>,
        length: Option<usize>,
    ) -> PyResult<()> {
        self.call.reply.begin()?;
        let head = self.call.reply_head(status, content_type, headers, length);
        self.call.reply.push_head(&head, b"");
        // It leaves with the first chunk, if that comes soon.
        self.engine.monitor.request_flush();
        Ok(())
    }

    /// Sends a chunk, and blocks while the client is slow. `False` once the call was cancelled: it is
    /// not interrupted from then on, so that it can clean up.
    #[pyo3(signature = (chunk, /))]
    fn send(&self, py: Python<'_>, chunk: &Bound<'_, PyAny>) -> PyResult<bool> {
        let is_open = with_bytes(chunk, |bytes| Ok(self.engine.send(py, &self.call, bytes)))?;
        if !is_open {
            self.shield(py);
        }
        Ok(is_open)
    }

    /// Sends a chunk without blocking, however slow the client is.
    #[pyo3(signature = (chunk, /))]
    fn send_nowait(&self, py: Python<'_>, chunk: &Bound<'_, PyAny>) -> PyResult<bool> {
        with_bytes(chunk, |bytes| {
            self.engine.send_nowait(py, &self.call, bytes);
            Ok(!self.call.is_cancelled())
        })
    }

    /// Sends a chunk in its most frequent form, bytes or text, without blocking: whether the next one may follow at
    /// once. `None`, and nothing sent, if it is in another form, or empty.
    #[pyo3(signature = (chunk, /))]
    fn send_plain(&self, py: Python<'_>, chunk: &Bound<'_, PyAny>) -> Option<bool> {
        let bytes = match chunk.cast_exact::<PyBytes>() {
            Ok(bytes) => bytes.as_bytes(),
            Err(_) => chunk.cast_exact::<PyString>().ok()?.to_str().ok()?.as_bytes(),
        };
        if bytes.is_empty() {
            return None;
        }
        let may_send = self.engine.send_nowait(py, &self.call, bytes);
        Some(may_send && !self.call.is_cancelled())
    }

    /// Whether the client reads fast enough for another chunk.
    #[getter]
    fn writable(&self) -> bool {
        self.call.reply.window.may_send()
    }

    /// Whether another chunk may be sent. If not, `callback` is called once when it may.
    #[pyo3(signature = (callback, /))]
    fn when_writable(&self, callback: Py<PyAny>) -> bool {
        self.call.reply.window.when_open(callback)
    }

    /// Ends a streamed reply.
    fn finish(&self, py: Python<'_>) {
        self.call.reply.end(&ReplyEnd::Complete);
        self.flush_unless_held(py);
    }

    /// Breaks off a streamed reply, so that the client sees that it is incomplete.
    #[pyo3(signature = (text, /))]
    fn abort(&self, py: Python<'_>, text: &str) {
        self.call.reply.end(&ReplyEnd::Broken(text));
        self.flush_unless_held(py);
    }

    /// Continues a call of the event loop on this thread, which may be interrupted from now on;
    /// `False` if the call was cancelled.
    fn attach_thread(&self) -> bool {
        self.call.attach_thread()
    }

    /// Marks that this thread is done with the call, and must not be interrupted for it any more.
    fn shield(&self, py: Python<'_>) {
        self.call.shield(py, &self.engine.callbacks.interrupted);
    }

    /// Asks the front to replace this worker, which can never again do all that it is for.
    fn replace_worker(&self, py: Python<'_>) {
        self.engine.report_internal_error();
        py.detach(|| self.engine.flush_all());
    }

    /// From now on, this thread holds back what it sends of any call. What it does next may take long,
    /// so the monitor writes that if it is not flushed soon.
    fn hold(&self) {
        HOLDS.set(true);
    }

    /// Writes what was held back.
    fn flush(&self, py: Python<'_>) {
        HOLDS.set(false);
        py.detach(|| self.engine.flush_all());
    }

    /// Ends a call that continued after `handle` had returned.
    fn done(&self, py: Python<'_>) {
        self.engine.end_call(py, &self.call);
        self.flush_unless_held(py);
    }
}

impl PyCall {
    pub(super) fn new(engine: &Arc<Engine>, call: &Arc<Call>) -> Self {
        Self { engine: engine.clone(), call: call.clone() }
    }

    fn request(&self) -> PyResult<RequestHead<'_>> {
        let request = self.call.head.request();
        request.map_err(|err| PyRuntimeError::new_err(format!("the front sent {err}")))
    }

    fn reply_whole(
        &self,
        py: Python<'_>,
        status: u16,
        content_type: Option<&str>,
        headers: Vec<(String, String)>,
        body: &[u8],
    ) -> PyResult<()> {
        self.call.reply.begin()?;
        let head = self.call.reply_head(status, content_type, headers, Some(body.len()));
        self.engine.send_whole(py, &self.call, &head, body);
        self.flush_unless_held(py);
        Ok(())
    }

    /// What was received of the body, as Python sees it. A call that was cancelled is not interrupted
    /// from then on, so that it can clean up.
    fn chunk<'py>(
        &self,
        py: Python<'py>,
        received: Received,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.flush_unless_held(py);
        match received {
            Received::Chunk(chunk) => Ok(Some(PyBytes::new(py, &chunk))),
            Received::End => Ok(Some(PyBytes::new(py, b""))),
            Received::Nothing => Ok(None),
            Received::Closed => {
                self.shield(py);
                let message = match self.call.is_cancelled() {
                    true => "the client went away before the end of the body, or time was up",
                    false => "the call was answered before the end of the body",
                };
                Err(PyConnectionResetError::new_err(message))
            }
        }
    }

    /// Writes what is buffered, without the GIL, unless that is done soon: by the leader after its
    /// batch, or when this thread no longer holds it back.
    fn flush_unless_held(&self, py: Python<'_>) {
        let is_held = HOLDS.get() && self.engine.coalesces(&self.call);
        if !is_held && !self.engine.is_leading() {
            py.detach(|| self.call.channel().flush());
        }
    }
}

impl From<AlreadyAnswered> for PyErr {
    fn from(err: AlreadyAnswered) -> Self {
        PyRuntimeError::new_err(err.to_string())
    }
}

/// Passes on the bytes of a `str` (as UTF-8), of `bytes`, or of any other buffer.
fn with_bytes<T>(
    value: &Bound<'_, PyAny>,
    use_bytes: impl FnOnce(&[u8]) -> PyResult<T>,
) -> PyResult<T> {
    if let Ok(text) = value.cast::<PyString>() {
        return use_bytes(text.to_str()?.as_bytes());
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return use_bytes(bytes.as_bytes());
    }
    let buffer = PyBuffer::<u8>::get(value)
        .map_err(|_| PyTypeError::new_err("a body is str, bytes, bytearray or memoryview"))?;
    use_bytes(&buffer.to_vec(value.py())?)
}
