//! What is signed: the call, in one way of writing it, whichever way the query writes it.
//!
//! It is a sequence of texts: what this is, method, path and expiry, and then the fields of the call in
//! the order of their names, each name followed by its value. Each text comes as a netstring
//! (`5:hello,`), so no two sequences are written alike. Code is named by its digest and arguments are
//! decoded; the other fields are as they were sent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::FIELD;
use crate::{Code, Envelope, Field};

/// What a signature is of, so that the same key may be used elsewhere.
const PURPOSE: &str = "owt signed url v1";

/// The method. A `HEAD` asks for the same as a `GET`, and so needs no signature of its own.
const METHOD: &str = "GET";

type Fields<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// The message of a call that is about to be signed.
pub(super) fn of_envelope(path: &str, envelope: &Envelope, expires: u64) -> Vec<u8> {
    let envelope = &Envelope { code: Code::Known(envelope.code.digest()), ..envelope.clone() };
    let fields = envelope.fields(as_it_stands);
    let mut fields: Fields<'_> =
        fields.into_iter().map(|(name, value)| (name.into(), value.into_text())).collect();
    set_texts(&mut fields, envelope);
    write(path, expires, &fields)
}

/// The message of a call in a query; `None` if there is none, or a field is unknown or given twice.
pub(super) fn of_query(path: &str, query: &str, expires: u64) -> Option<Vec<u8>> {
    let envelope = Envelope::from_query(query).ok()??;
    let mut fields = Fields::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let is_known = name == FIELD || Field::from_name(&name).is_some();
        if !is_known || fields.insert(name, value).is_some() {
            return None;
        }
    }
    fields.remove(FIELD);
    fields.remove(Field::CodeB64.name());
    fields.insert(Field::CodeSha256.name().into(), envelope.code.digest().to_string().into());
    set_texts(&mut fields, &envelope);
    Some(write(path, expires, &fields))
}

/// Puts the texts of the arguments and of the lock in their places, decoded.
fn set_texts(fields: &mut Fields<'_>, envelope: &Envelope) {
    let kwargs = envelope.kwargs.as_deref().map(|text| text.trim_start_matches('\u{feff}'));
    for (field, text) in [(Field::KwargsB64, kwargs), (Field::LockB64, envelope.lock.as_deref())] {
        let name = Cow::from(field.name());
        // As a server reads it: white space alone is none.
        match text.filter(|text| !text.trim().is_empty()) {
            Some(text) => fields.insert(name, text.to_owned().into()),
            None => fields.remove(&name),
        };
    }
}

fn write(path: &str, expires: u64, fields: &Fields<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    for text in [PURPOSE, METHOD, path, &expires.to_string()] {
        push(&mut message, text);
    }
    for (name, value) in fields {
        push(&mut message, name);
        push(&mut message, value);
    }
    message
}

/// Appends a netstring: the number of bytes, a colon, the bytes and a comma.
fn push(message: &mut Vec<u8>, text: &str) {
    message.extend_from_slice(format!("{}:{text},", text.len()).as_bytes());
}

fn as_it_stands(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
