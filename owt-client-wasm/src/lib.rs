//! The envelope of a call for JavaScript: a translation of `owt-core`, and no logic.
//!
//! Errors are thrown as text: the error's code, a space, and its message.

use std::time::Duration;

use owt_core::{Code, Field, FieldValue, OwtifyError, base};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// A base URL in full.
///
/// # Errors
///
/// If it is no HTTP URL.
#[wasm_bindgen]
pub fn absolute(base: &str) -> Result<String, JsValue> {
    base::absolute(base).map_err(|err| thrown(&err.into()))
}

/// What one call sends.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Envelope {
    inner: owt_core::Envelope,
}

#[wasm_bindgen]
impl Envelope {
    /// An envelope with nothing but an adaptor's source in it.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(source: &str) -> Envelope {
        Envelope { inner: owt_core::Envelope::new(Code::source(source)) }
    }

    /// Sets the arguments' text.
    #[wasm_bindgen(setter)]
    pub fn set_kwargs(&mut self, text: String) {
        self.inner.kwargs = Some(text);
    }

    /// Sets a field that takes text.
    #[wasm_bindgen(js_name = setText)]
    pub fn set_text(&mut self, name: &str, text: String) {
        self.set(name, FieldValue::Text(text.into()));
    }

    /// Sets a field that takes true or false.
    #[wasm_bindgen(js_name = setFlag)]
    pub fn set_flag(&mut self, name: &str, flag: bool) {
        self.set(name, FieldValue::Flag(flag));
    }

    /// Sets a field that takes a length of time, unless these seconds are none.
    #[wasm_bindgen(js_name = setSeconds)]
    pub fn set_seconds(&mut self, name: &str, seconds: f64) {
        if let Ok(time) = Duration::try_from_secs_f64(seconds) {
            self.set(name, FieldValue::Seconds(time));
        }
    }

    /// Sets a field. The types of the package's TypeScript allow none that takes another value.
    fn set(&mut self, name: &str, value: FieldValue<'_>) {
        if let Some(field) = Field::from_name(name) {
            let _ = self.inner.set(field, value);
        }
    }

    /// The hex SHA-256 by which a server knows the source.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn digest(&self) -> String {
        self.inner.code.digest().to_string()
    }

    /// Puts the digest in the source's place.
    #[wasm_bindgen(js_name = nameByDigest)]
    pub fn name_by_digest(&mut self) {
        self.inner.code = Code::Known(self.inner.code.digest());
    }

    /// The URL that makes this call.
    ///
    /// # Errors
    ///
    /// If the base is no HTTP URL, or the URL is longer than a server takes.
    #[wasm_bindgen(js_name = toUrl)]
    pub fn to_url(&self, base: &str) -> Result<String, JsValue> {
        self.inner.to_url(base).map_err(|err| thrown(&err))
    }

    /// The call as an urlencoded form.
    #[wasm_bindgen(js_name = toForm)]
    #[must_use]
    pub fn to_form(&self) -> String {
        self.inner.to_query()
    }
}

fn thrown(err: &OwtifyError) -> JsValue {
    JsValue::from_str(&format!("{} {err}", err.code()))
}

/// A small allocator: the usual one would be a tenth of the package.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());
