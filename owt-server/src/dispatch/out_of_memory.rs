//! Exceptions that say that memory has run out, that of a GPU among them: whoever reads one wants to know
//! what else is loaded.

use owt_core::Error;

/// What the types of such exceptions end with: those of Python, PyTorch, CuPy and Numba.
const TYPES: [&str; 2] = ["MemoryError", "OutOfMemoryError"];

/// What others say, whatever their type: CUDA itself, JAX and TensorFlow, ONNX Runtime.
const WORDS: [&str; 3] = ["CUDA out of memory", "RESOURCE_EXHAUSTED", "Failed to allocate memory"];

/// The error, with another sentence if it is one of those. Its first line is `TypeName: text`.
pub(super) fn explained(err: Error, what_is_loaded: impl FnOnce() -> Option<String>) -> Error {
    match err {
        Error::AdaptorRaised(text) if is_meant(&text) => match what_is_loaded() {
            Some(loaded) => Error::AdaptorRaised(format!("{}\n\n{loaded}", text.trim_end())),
            None => Error::AdaptorRaised(text),
        },
        err => err,
    }
}

fn is_meant(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    let name = line.split(':').next().unwrap_or_default().trim_end();
    TYPES.iter().any(|end| name.ends_with(end)) || WORDS.iter().any(|words| line.contains(words))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("MemoryError", true)]
    #[case("MemoryError: Unable to allocate 8.00 EiB\n  File", true)]
    #[case("OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", true)]
    #[case("RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB", true)]
    #[case("XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to", true)]
    #[case("Fail: [ONNXRuntimeError] : 1 : FAIL : Failed to allocate memory for", true)]
    #[case("ValueError: MemoryError", false)]
    #[case("ValueError: no\nMemoryError: that is another line", false)]
    fn an_error_of_memory_says_what_is_loaded(#[case] text: &str, #[case] is_meant: bool) {
        let err = explained(Error::AdaptorRaised(text.to_owned()), || Some("Loaded.".to_owned()));
        let expected = if is_meant { format!("{text}\n\nLoaded.") } else { text.to_owned() };
        assert_eq!(err.sentence(), expected);
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        let err = explained(Error::ReplyInvalid("MemoryError".to_owned()), || unreachable!());
        assert_eq!(err.sentence(), "MemoryError");
    }
}
