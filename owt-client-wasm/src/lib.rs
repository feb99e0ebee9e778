//! The envelope of a call for JavaScript: thin bindings to `owt-core`.
//!
//! Errors are thrown as text: the error's code, a space, and its message.

use std::time::Duration;

use owt_core::{Code, Field, FieldValue, OwtifyError, base};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The absolute form of a base URL.
///
/// # Errors
///
/// If it is not an HTTP URL.
#[wasm_bindgen]
pub fn absolute(base: &str) -> Result<String, JsValue> {
    base::absolute(base).map_err(|err| to_js_error(&err.into()))
}

/// The envelope of one call.
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

    /// Sets the text of the arguments.
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

    /// Sets a field that takes a duration. Seconds that are negative or not finite are ignored.
    #[wasm_bindgen(js_name = setSeconds)]
    pub fn set_seconds(&mut self, name: &str, seconds: f64) {
        if let Ok(time) = Duration::try_from_secs_f64(seconds) {
            self.set(name, FieldValue::Duration(time));
        }
    }

    /// Sets a field. The package's TypeScript passes only known names, with values of the right type.
    fn set(&mut self, name: &str, value: FieldValue<'_>) {
        if let Some(field) = Field::from_name(name) {
            let _ = self.inner.set(field, value);
        }
    }

    /// The hex SHA-256 that identifies the source.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn digest(&self) -> String {
        self.inner.code.digest().to_string()
    }

    /// Replaces the source by its digest.
    #[wasm_bindgen(js_name = replaceSourceByDigest)]
    pub fn replace_source_by_digest(&mut self) {
        self.inner.code = Code::Known(self.inner.code.digest());
    }

    /// The URL that makes this call.
    ///
    /// # Errors
    ///
    /// If the base is not an HTTP URL, or the URL is longer than a server takes.
    #[wasm_bindgen(js_name = toUrl)]
    pub fn to_url(&self, base: &str) -> Result<String, JsValue> {
        self.inner.to_url(base).map_err(|err| to_js_error(&err))
    }

    /// The call as an urlencoded form.
    #[wasm_bindgen(js_name = toForm)]
    #[must_use]
    pub fn to_form(&self) -> String {
        self.inner.to_query()
    }
}

fn to_js_error(err: &OwtifyError) -> JsValue {
    JsValue::from_str(&format!("{} {err}", err.code()))
}

/// A small allocator: the default one would be a tenth of the package.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());
