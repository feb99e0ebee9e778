//! The fields of an envelope, each declared once: its name, the kind of its value, and its meaning.
//! Reading, writing, near misses, the command line and the documents take them from here.

use std::sync::Arc;

use super::setting::Setting;
use super::value::FieldKind;
use crate::{Code, Error, FileName, NearMiss};

/// Generates [`Field`] and [`Envelope`] from one list. Each option is a member of `Envelope`, whose
/// type implements [`Setting`]: how it is read and written. The fields under `code` say what is
/// called, and each is read in a way of its own.
macro_rules! declare {
    (
        code { $($(#[doc = $code_doc:literal])+ $code:ident = $code_name:literal: $kind:expr;)+ }
        options { $($(#[doc = $doc:literal])+ $option:ident = $name:ident: $type:ty;)+ }
    ) => {
        /// A field of the envelope.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Field {
            $($(#[doc = $code_doc])+ $code,)+
            $($(#[doc = $doc])+ $option,)+
        }

        impl Field {
            /// Every field.
            pub const ALL: &[Field] = &[$(Field::$code,)+ $(Field::$option,)+];

            /// The name under which it is sent.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Field::$code => $code_name,)+
                    $(Field::$option => stringify!($name),)+
                }
            }

            /// The field of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Field> {
                $(if name == $code_name { return Some(Field::$code); })+
                $(if name == stringify!($name) { return Some(Field::$option); })+
                None
            }

            /// The kind of its value.
            #[must_use]
            pub fn kind(self) -> FieldKind {
                match self {
                    $(Field::$code => $kind,)+
                    $(Field::$option => <$type as Setting>::kind(),)+
                }
            }

            fn doc_lines(self) -> &'static str {
                match self {
                    $(Field::$code => concat!($($code_doc),+),)+
                    $(Field::$option => concat!($($doc),+),)+
                }
            }
        }

        /// What a request says about the code that it wants run.
        ///
        /// It is in one place of the request: the JSON body, the form or the query. Each of the
        /// `from_` constructors reads one of these, and returns `None` if there is no code in it: then
        /// all of it belongs to the handler.
        #[derive(Clone, PartialEq, Eq)]
        pub struct Envelope {
            /// What to run.
            pub code: Code,
            /// The text of the arguments, decoded but not evaluated.
            pub kwargs: Option<String>,
            /// The lock of the packages that the code names.
            pub lock: Option<Arc<str>>,
            /// The file that the code is from. It affects neither what is run nor the key of a cached
            /// result.
            pub name: Option<FileName>,
            $($(#[doc = $doc])+ pub $name: $type,)+
            /// Unknown fields that resemble one of these.
            pub near_misses: Vec<NearMiss>,
        }

        impl Envelope {
            /// An envelope with nothing but code in it.
            #[must_use]
            pub fn new(code: Code) -> Envelope {
                Envelope {
                    code,
                    kwargs: None,
                    lock: None,
                    name: None,
                    $($name: Setting::unset(),)+
                    near_misses: Vec::new(),
                }
            }

            pub(super) fn setting(&self, field: Field) -> Option<&dyn Setting> {
                match field {
                    $(Field::$code => None,)+
                    $(Field::$option => Some(&self.$name),)+
                }
            }

            pub(super) fn setting_mut(&mut self, field: Field) -> Option<&mut dyn Setting> {
                match field {
                    $(Field::$code => None,)+
                    $(Field::$option => Some(&mut self.$name),)+
                }
            }
        }
    };
}

declare! {
    code {
        /// Base64 of the source, in any of its variants.
        CodeB64 = "code_b64": FieldKind::Source;
        /// Instead: the hex SHA-256 of source that this server has been sent before.
        CodeSha256 = "code_sha256": FieldKind::Digest;
        /// The arguments, in base64 or as they stand: JSON, or a Python expression that gives a dict;
        /// in a JSON body also as an object, which `kwargs` may then be called.
        KwargsB64 = "kwargs_b64": FieldKind::Kwargs;
        /// Base64 of a lock of the packages that the code names, as `uv lock --script` writes it: these
        /// very versions are installed.
        LockB64 = "lock_b64": FieldKind::Lock;
        /// The file that the code is from, such as `iris.py`, for tracebacks and the log; the first
        /// name stands until the adaptor is loaded anew.
        Name = "name": FieldKind::FileName;
    }
    options {
        /// The function to call instead of `run`.
        FnName = fn_name: String;
        /// Keep the result, and give it again for the same path, code and function.
        UseCache = use_cache: bool;
        /// Keep a result for each set of arguments.
        CacheKwargs = cache_kwargs: bool;
        /// The key under which the result is kept, whatever is called.
        CacheKeyOverride = cache_key_override: Option<String>;
        /// How long the call may run, in seconds.
        Timeout = timeout: Option<std::time::Duration>;
        /// Load the adaptor anew, and the modules of the start directory that it imports.
        Reload = reload: bool;
        /// Make the call again if a member of its pool is lost that may have run it: running twice does no
        /// harm.
        Retry = retry: bool;
        /// The pool of workers that the call is for; by default the one that the code names, else
        /// `default`.
        Pool = pool: Option<String>;
        /// How long the adaptor stays loaded after its last call: a number of seconds, `5m`, `1h`, or
        /// `-1` for ever.
        KeepAlive = keep_alive: Option<crate::KeepAlive>;
    }
}

impl Field {
    /// Whether it says how code is called. The others say what is called: code, arguments and the
    /// name of their file.
    #[must_use]
    pub fn is_option(self) -> bool {
        matches!(
            self.kind(),
            FieldKind::Text | FieldKind::Flag | FieldKind::Seconds | FieldKind::KeepAlive
        )
    }

    /// What it means, without a full stop.
    #[must_use]
    pub fn doc(self) -> &'static str {
        self.doc_lines().trim().trim_end_matches('.')
    }

    /// The error of a field whose value is invalid.
    pub(super) fn invalid(self, problem: &'static str) -> Error {
        Error::FieldInvalid { field: self.name(), problem }
    }
}
