//! The envelope of a call for JavaScript: a translation of `owt-core`, and no logic.
//!
//! Errors are thrown as text: the error's code, a space, and its words.

use std::time::Duration;

use owt_core::{Code, OwtifyError, base};
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

    /// Sets the function to call.
    #[wasm_bindgen(setter, js_name = fnName)]
    pub fn set_fn_name(&mut self, name: String) {
        self.inner.fn_name = name;
    }

    /// Sets whether the result is kept.
    #[wasm_bindgen(setter, js_name = useCache)]
    pub fn set_use_cache(&mut self, flag: bool) {
        self.inner.use_cache = flag;
    }

    /// Sets whether the cache's key includes the arguments.
    #[wasm_bindgen(setter, js_name = cacheKwargs)]
    pub fn set_cache_kwargs(&mut self, flag: bool) {
        self.inner.cache_kwargs = flag;
    }

    /// Sets the cache's whole key.
    #[wasm_bindgen(setter, js_name = cacheKeyOverride)]
    pub fn set_cache_key_override(&mut self, key: String) {
        self.inner.cache_key_override = Some(key);
    }

    /// Sets for how many seconds the call may run. What is no length of time sets no limit.
    #[wasm_bindgen(setter)]
    pub fn set_timeout(&mut self, seconds: f64) {
        self.inner.timeout = Duration::try_from_secs_f64(seconds).ok();
    }

    /// Sets whether to load the adaptor anew.
    #[wasm_bindgen(setter)]
    pub fn set_reload(&mut self, flag: bool) {
        self.inner.reload = flag;
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
