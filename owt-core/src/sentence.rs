//! What an error says to a person: what is wrong, and what to do next.

use std::borrow::Cow;

use base64::DecodeError;

use crate::Error;

impl Error {
    /// One or two sentences for the person who made the request.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::Error;
    ///
    /// let err = Error::FieldInvalid { field: "timeout", problem: "takes a number of seconds" };
    /// assert_eq!(err.sentence(), "The field timeout takes a number of seconds");
    /// ```
    #[must_use]
    pub fn sentence(&self) -> String {
        self.text().into_owned()
    }

    /// A table: one row for each variant, and no logic.
    fn text(&self) -> Cow<'_, str> {
        match self {
            Error::CodeMissing => "The request brings no code. Send Python source as code_b64, \
                in a JSON body, a form or the query string."
                .into(),
            Error::JsonUntyped => "The request brings no code. Its body looks like JSON, and does not say \
                so: send the header Content-Type: application/json, as curl --json does."
                .into(),
            Error::NoEndpoint { nearest } => format!(
                "No endpoint is at this path, and the request brings no code. The nearest endpoint is \
                 {nearest}."
            )
            .into(),
            Error::CodeNotBase64(cause) => format!(
                "The field code_b64 is not base64: {}. Encode it as `base64 -w 0` does.",
                flaw(cause)
            )
            .into(),
            Error::CodeNotUtf8(cause) => format!(
                "The field code_b64 is not base64 of UTF-8 text: {cause}. Save the code as UTF-8, \
                 and encode it as `base64 -w 0` does."
            )
            .into(),
            Error::KwargsNotBase64(cause) => kwargs_are_neither(&flaw(cause)).into(),
            Error::KwargsNotUtf8(cause) => kwargs_are_neither(&cause.to_string()).into(),
            Error::FieldInvalid { field, problem } => format!("The field {field} {problem}").into(),
            Error::FieldUnknown(near_miss) => format!(
                "The request brings no code, and owt has no field {}. Did you mean {}?",
                near_miss.given, near_miss.meant
            )
            .into(),
            Error::BodyNotJson(cause) => {
                format!("The body is not JSON: {cause}. Send JSON, or another Content-Type.").into()
            }
            Error::BodyIncomplete => "The body broke off before its end. Send as many bytes as \
                Content-Length says, or valid chunks."
                .into(),
            Error::StorageFull => "The server has no room on disk for the files of this request. \
                Free some, or set TMPDIR to a folder with more."
                .into(),
            Error::RequestInvalid(problem) => format!(
                "This is not a valid HTTP/1.1 request: {problem}. Leave the head of a request to an \
                 HTTP library."
            )
            .into(),
            Error::HeadTooLarge { limit } => format!(
                "The head of the request is longer than {limit} bytes. Send large values in the \
                 body, or start the server with a larger --max-head (128K at most)."
            )
            .into(),
            Error::TooManyHeaders { limit } => format!(
                "The request has more than {limit} headers. Send fewer, or start the server with a \
                 larger --max-headers (96 at most)."
            )
            .into(),
            Error::TooManyConnections { limit } => format!(
                "Your address has {limit} connections to this server already. Use those again, or \
                 start the server with a larger --max-connections-per-address."
            )
            .into(),
            Error::TooManyStreams { limit } => format!(
                "This connection has {limit} requests under way already. Wait until one is \
                 answered, or start the server with a larger --max-streams."
            )
            .into(),
            Error::TooManyFields { limit } => format!(
                "The query or the form has more than {limit} fields. Send lists as one argument, \
                 or start the server with a larger --max-fields."
            )
            .into(),
            Error::TooManyParts { limit } => format!(
                "The form has more than {limit} parts. Send fewer at a time, or start the server \
                 with a larger --max-parts."
            )
            .into(),
            Error::KwargsTooDeep { limit } => format!(
                "The arguments nest deeper than {limit} brackets. Send flatter ones, or start the \
                 server with a larger --max-nesting."
            )
            .into(),
            Error::KwargsTooLarge { limit } => format!(
                "The arguments would take more than {limit} bytes of memory once they are read. \
                 Send them as JSON, which takes a tenth of Python literals, send large data in the \
                 body, or start the server with a larger --max-kwargs."
            )
            .into(),
            Error::HeadTimeout { limit } => format!(
                "The head of the request did not come within {} s. Send it at once, or start the \
                 server with a larger --head-timeout.",
                limit.as_secs_f64()
            )
            .into(),
            Error::BodyTimeout { limit } => format!(
                "No byte of the body came for {} s. Send it without such pauses, or start the \
                 server with a larger --body-timeout.",
                limit.as_secs_f64()
            )
            .into(),
            Error::AuthRequired => "This server wants to know who calls. Send a user and a password \
                with HTTP Basic authentication, or a token as Authorization: Bearer."
                .into(),
            Error::CrossSite => {
                "A web page of another site made this request, or a browser fetched \
                it ahead of its user: neither may run code here. If the page should, start the \
                server with --allow-origin."
                    .into()
            }
            Error::ConfirmationRequired => {
                "Nothing has run: a link to a call that this server has not run before has to be \
                confirmed. Open it in a browser window of its own, wait a second, and press the button."
                    .into()
            }
            Error::HostNotAllowed(host) => format!(
                "This server does not answer to the host {host:?}. If it should, start it with \
                 --allow-host."
            )
            .into(),
            Error::OriginNotAllowed(origin) => format!(
                "Web pages of {origin:?} may not use this server. If they should, start it with \
                 --allow-origin."
            )
            .into(),
            Error::SignatureInvalid => "The signature does not fit this request. Sign the URL again \
                with this server's key (--url-key), change nothing in it, and send a GET without a \
                body."
                .into(),
            Error::SignatureExpired => {
                "The signature of this URL has expired. Sign it again.".into()
            }
            Error::CodeUnknown(digest) => format!(
                "This server was never sent the code {digest}, or has forgotten it. Send the \
                 source as code_b64."
            )
            .into(),
            Error::CodeNotApproved(digest) => format!(
                "This server runs approved code only, and {digest} is not approved. If it should be, \
                 use `owt approve FILE` on the server's machine."
            )
            .into(),
            Error::LockNotApproved => "This server runs approved code only, and a lock would change which \
                packages that code has. Send it without lock_b64 (owt call --no-lock)."
                .into(),
            Error::FunctionNotApproved(function) => format!(
                "This server runs approved code only, and of this code the function {function:?} is \
                 not approved. If it should be, use `owt approve FILE --fn-name NAME` on the \
                 server's machine."
            )
            .into(),
            Error::PoolUnknown { name, known } => format!(
                "This server has no pool {name:?}. Its pools: {known}. Name one of them, or start the \
                 server with --pool."
            )
            .into(),
            Error::PathIsNamed => "This path is that of a named endpoint, which has its code on the \
                server. Send its arguments alone, or send code to another path."
                .into(),
            Error::EndpointUnknown => "Nothing is at this path, and this server runs named endpoints \
                alone. See /_owt/openapi.json for them."
                .into(),
            Error::MethodNotAllowed { allow } => {
                format!("The endpoint at this path has another method. It answers {allow}.").into()
            }
            Error::PathUnknown => "Nothing is at this path. Under /_owt/ there are health, \
                metrics, calls, jobs, adaptors, environments and pools."
                .into(),
            Error::BodyTooLarge { limit } => format!(
                "The body is longer than {limit} bytes. Send less, or start the server with a \
                 larger --max-body."
            )
            .into(),
            Error::TextTooLarge { limit } => format!(
                "What is held in memory may be {limit} bytes long, and this is longer: JSON, form \
                 fields, and the body of a job or of a call with use_cache. Send large data as a file \
                 of a form, or as the whole body of another call, with the code in the query."
            )
            .into(),
            Error::UrlTooLong { limit } => format!(
                "The URL is longer than {limit} bytes. Send the same fields as JSON with POST \
                 instead, or start the server with a larger --max-url (65534 at most)."
            )
            .into(),
            Error::ContentType => "The Content-Type of the body cannot be read. Send \
                application/json, application/x-www-form-urlencoded, or multipart/form-data with \
                its boundary."
                .into(),
            Error::DependenciesUnavailable => "The code names packages in its metadata block, and this \
                server has no uv to install them with. Install it on the server (`pip install uv`), or \
                start the server with --dependencies off to run the code with what is there."
                .into(),
            Error::CodeInvalid(text)
            | Error::MetadataInvalid(text)
            | Error::DependenciesFailed(text)
            | Error::EntryMissing(text)
            | Error::Arguments(text)
            | Error::KwargsInvalid(text)
            | Error::AdaptorRaised(text)
            | Error::ReplyInvalid(text) => text.into(),
            Error::WorkerDied { how, .. } => format!(
                "The worker that ran this call {how}. A new one takes its place, so the call can be \
                 tried again."
            )
            .into(),
            Error::MemberLost { member, reason } => format!(
                "The member {member}, which ran this call, was lost: {reason}. The call may have run, in part or whole, so \
                 it was not made again; do that yourself if it does no harm."
            )
            .into(),
            Error::NoMember(reason) => format!(
                "No member of the pool takes calls now: {reason}. They are asked again each second, so try \
                 again in a moment."
            )
            .into(),
            Error::WorkerUnavailable(reason) => format!(
                "No worker process can be started: {}. The server goes on trying, so try again in \
                 a moment, and look at its log.",
                reason.trim_end_matches(['.', '\n'])
            )
            .into(),
            Error::BuffersFull => {
                "The bodies of other requests take all the memory that bodies may \
                have. Try again in a moment, or start the server with a larger --max-buffered."
                    .into()
            }
            Error::QueueFull => "Too many calls are waiting. Try again in a moment.".into(),
            Error::Cancelled => {
                "The call was cancelled by its id. Make it again if it is still wanted.".into()
            }
            Error::RequestIdInvalid => "The Owt-Request-Id cannot be used. Send 1 to 64 ASCII \
                letters, digits, or any of - . _ ~, or leave the header out."
                .into(),
            Error::RequestIdTaken => "Another call with this Owt-Request-Id has not ended yet, or the \
                reply of its job is kept. Send another id, or DELETE /_owt/calls/{id} or \
                /_owt/jobs/{id} first."
                .into(),
            Error::CallUnknown => "No call with this id is running or waiting. /_owt/calls \
                lists those that are."
                .into(),
            Error::JobUnknown => "No job with this id is running, and no reply of one is kept. Replies \
                are dropped after --job-age, or when their place is needed; /_owt/jobs lists those \
                that are there."
                .into(),
            Error::JobLost => "This job was of a server that has been started anew since, and jobs are \
                kept in memory only. Submit it again."
                .into(),
            Error::JobsFull { limit } => format!(
                "The server has {limit} jobs already, and nobody has fetched the replies of those that \
                 have ended. Fetch or delete some, or start the server with a larger --max-jobs."
            )
            .into(),
            Error::JobTooLarge { limit } => format!(
                "The replies of jobs may have {limit} bytes together, and there is no room for this \
                 one. Fetch or delete others, or start the server with a larger --job-size."
            )
            .into(),
            Error::Draining => "The server is stopping. Try again once it is back.".into(),
            Error::Deadline { limit } => format!(
                "The call ran longer than the {} s that it may. Ask for more with the field \
                 timeout, or start the server with a larger --timeout.",
                limit.as_secs_f64()
            )
            .into(),
        }
    }
}

fn flaw(cause: &DecodeError) -> String {
    match cause {
        DecodeError::InvalidByte(at, byte) if byte.is_ascii() => {
            format!("it has {:?} at offset {at}", char::from(*byte))
        }
        DecodeError::InvalidByte(at, _) => format!("it is not ASCII at offset {at}"),
        _ => "it is cut short".to_owned(),
    }
}

/// Text such as a lone word may pass for base64, so what it is not says little.
fn kwargs_are_neither(flaw: &str) -> String {
    format!(
        "The field kwargs_b64 is neither a dict as it stands, such as {{'name': 'owt'}}, nor base64 \
         of the arguments as UTF-8 text: {flaw}. Encode them as `base64 -w 0` does."
    )
}

#[cfg(test)]
mod tests {
    use std::str::Utf8Error;
    use std::sync::Arc;
    use std::time::Duration;

    use rstest::rstest;

    use super::*;
    use crate::{Digest, NearMiss};

    fn json_error() -> Error {
        let cause = serde_json::from_str::<bool>("{").expect_err("half an object is no JSON");
        Error::BodyNotJson(Arc::new(cause))
    }

    fn field_unknown() -> Error {
        Error::FieldUnknown(NearMiss { given: "evil".to_owned(), meant: "code_b64" })
    }

    fn function_not_approved() -> Error {
        Error::FunctionNotApproved("evil".to_owned())
    }

    fn pool_unknown() -> Error {
        Error::PoolUnknown { name: "evil".into(), known: "default".into() }
    }

    fn method_not_allowed() -> Error {
        Error::MethodNotAllowed { allow: "GET, HEAD".into() }
    }

    fn worker_died() -> Error {
        let how = "ended itself with exit code 3".to_owned();
        Error::WorkerDied { reason: "exit code 3".to_owned(), how }
    }

    fn utf8_error() -> Utf8Error {
        let bytes = vec![b'h', 0xff];
        str::from_utf8(&bytes).expect_err("0xff is in no UTF-8 text")
    }

    #[rstest]
    #[case("code-missing", Error::CodeMissing)]
    #[case("code-missing", Error::JsonUntyped)]
    #[case("code-missing", Error::NoEndpoint { nearest: "/a".into() })]
    #[case("code-not-base64", Error::CodeNotBase64(DecodeError::InvalidByte(2, b'!')))]
    #[case("code-not-utf8", Error::CodeNotUtf8(utf8_error()))]
    #[case("kwargs-not-base64", Error::KwargsNotBase64(DecodeError::InvalidLength(5)))]
    #[case("kwargs-invalid", Error::KwargsNotUtf8(utf8_error()))]
    #[case("field-invalid", Error::FieldInvalid { field: "reload", problem: "is given twice" })]
    #[case("field-unknown", field_unknown())]
    #[case("body-not-json", json_error())]
    #[case("body-incomplete", Error::BodyIncomplete)]
    #[case("request-invalid", Error::RequestInvalid("it names no host"))]
    #[case("head-too-large", Error::HeadTooLarge { limit: 9 })]
    #[case("head-too-large", Error::TooManyHeaders { limit: 9 })]
    #[case("too-many-connections", Error::TooManyConnections { limit: 9 })]
    #[case("too-many-streams", Error::TooManyStreams { limit: 9 })]
    #[case("too-many-fields", Error::TooManyFields { limit: 9 })]
    #[case("too-many-parts", Error::TooManyParts { limit: 9 })]
    #[case("kwargs-invalid", Error::KwargsTooDeep { limit: 9 })]
    #[case("kwargs-too-large", Error::KwargsTooLarge { limit: 9 })]
    #[case("head-timeout", Error::HeadTimeout { limit: Duration::from_secs(10) })]
    #[case("body-timeout", Error::BodyTimeout { limit: Duration::from_secs(30) })]
    #[case("auth-required", Error::AuthRequired)]
    #[case("cross-site", Error::CrossSite)]
    #[case("confirmation-required", Error::ConfirmationRequired)]
    #[case("host-not-allowed", Error::HostNotAllowed("evil.example".to_owned()))]
    #[case("origin-not-allowed", Error::OriginNotAllowed("http://evil.example".to_owned()))]
    #[case("signature-invalid", Error::SignatureInvalid)]
    #[case("signature-expired", Error::SignatureExpired)]
    #[case("code-unknown", Error::CodeUnknown(Digest::of("")))]
    #[case("code-not-approved", Error::CodeNotApproved(Digest::of("")))]
    #[case("code-not-approved", Error::LockNotApproved)]
    #[case("code-not-approved", function_not_approved())]
    #[case("request-id-invalid", Error::RequestIdInvalid)]
    #[case("request-id-taken", Error::RequestIdTaken)]
    #[case("call-unknown", Error::CallUnknown)]
    #[case("job-unknown", Error::JobUnknown)]
    #[case("job-lost", Error::JobLost)]
    #[case("jobs-full", Error::JobsFull { limit: 9 })]
    #[case("job-too-large", Error::JobTooLarge { limit: 9 })]
    #[case("pool-unknown", pool_unknown())]
    #[case("path-is-named", Error::PathIsNamed)]
    #[case("endpoint-unknown", Error::EndpointUnknown)]
    #[case("method-not-allowed", method_not_allowed())]
    #[case("path-unknown", Error::PathUnknown)]
    #[case("body-too-large", Error::BodyTooLarge { limit: 9 })]
    #[case("body-too-large", Error::TextTooLarge { limit: 9 })]
    #[case("storage-full", Error::StorageFull)]
    #[case("url-too-long", Error::UrlTooLong { limit: 9 })]
    #[case("content-type", Error::ContentType)]
    #[case("worker-died", worker_died())]
    #[case("member-lost", Error::MemberLost { member: "a:9876".into(), reason: "it is gone".into() })]
    #[case("worker-unavailable", Error::NoMember("a:9876 refuses connections".to_owned()))]
    #[case("worker-unavailable", Error::WorkerUnavailable("Python does not start.".to_owned()))]
    #[case("buffers-full", Error::BuffersFull)]
    #[case("queue-full", Error::QueueFull)]
    #[case("draining", Error::Draining)]
    #[case("cancelled", Error::Cancelled)]
    #[case("deadline", Error::Deadline { limit: Duration::from_millis(1500) })]
    fn every_error_has_a_code_and_well_formed_words(#[case] code: &str, #[case] err: Error) {
        assert_eq!(err.code(), code);

        let display = err.to_string();
        assert!(!display.ends_with('.') && !display.contains("evil"), "{display}");
        assert!(display.starts_with(char::is_lowercase) || display.starts_with("URL"), "{display}");

        let sentence = err.sentence();
        assert!(sentence.starts_with(char::is_uppercase), "{sentence}");
        assert_eq!(sentence.contains(". "), sentence.ends_with(['.', '?']), "{sentence}");
    }

    #[rstest]
    #[case(
        Error::CodeNotBase64(DecodeError::InvalidByte(2, b'!')),
        "The field code_b64 is not base64: it has '!' at offset 2. Encode it as `base64 -w 0` does."
    )]
    #[case(
        Error::KwargsNotBase64(DecodeError::InvalidByte(0, 0xc3)),
        "The field kwargs_b64 is neither a dict as it stands, such as {'name': 'owt'}, nor base64 of the arguments as UTF-8 text: it is not ASCII at offset 0. Encode them as `base64 -w 0` does."
    )]
    #[case(
        Error::CodeNotBase64(DecodeError::InvalidLength(5)),
        "The field code_b64 is not base64: it is cut short. Encode it as `base64 -w 0` does."
    )]
    #[case(
        Error::KwargsNotUtf8(utf8_error()),
        "The field kwargs_b64 is neither a dict as it stands, such as {'name': 'owt'}, nor base64 of the arguments as UTF-8 text: invalid utf-8 sequence of 1 bytes from index 1. Encode them as `base64 -w 0` does."
    )]
    #[case(
        Error::CodeNotUtf8(utf8_error()),
        "The field code_b64 is not base64 of UTF-8 text: invalid utf-8 sequence of 1 bytes from index 1. Save the code as UTF-8, and encode it as `base64 -w 0` does."
    )]
    #[case(
        Error::Deadline { limit: Duration::from_millis(1500) },
        "The call ran longer than the 1.5 s that it may. Ask for more with the field timeout, or start the server with a larger --timeout."
    )]
    #[case(
        worker_died(),
        "The worker that ran this call ended itself with exit code 3. A new one takes its place, so the call can be tried again."
    )]
    fn the_sentence_says_what_to_do_next(#[case] err: Error, #[case] sentence: &str) {
        assert_eq!(err.sentence(), sentence);
    }
}
