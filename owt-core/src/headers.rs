//! The headers of a request as its handler sees them.

/// Names and values, in order. All names lie in one text and all values behind each other, because a
/// browser sends twenty, and each of forty texts would be allocated by itself.
///
/// # Examples
///
/// ```
/// use owt_core::Headers;
///
/// let headers = Headers::from_iter([("accept", "text/html"), ("x-id", "7")]);
/// assert_eq!(headers.iter().last(), Some(("x-id", b"7".as_slice())));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    names: String,
    values: Vec<u8>,
    /// Where each name and each value ends.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// With room for so many of a usual length.
    #[must_use]
    pub fn with_capacity(count: usize) -> Headers {
        Headers {
            names: String::with_capacity(16 * count),
            values: Vec::with_capacity(32 * count),
            ends: Vec::with_capacity(count),
        }
    }

    /// Adds one at the end.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.names.push_str(name);
        self.values.extend_from_slice(value);
        self.ends.push((self.names.len(), self.values.len()));
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let starts = std::iter::once(&(0, 0)).chain(&self.ends);
        starts.zip(&self.ends).map(|((name, value), (name_end, value_end))| {
            (&self.names[*name..*name_end], &self.values[*value..*value_end])
        })
    }
}

impl<'a, V: AsRef<[u8]>> FromIterator<(&'a str, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, V)>>(pairs: I) -> Headers {
        let pairs = pairs.into_iter();
        let mut headers = Headers::with_capacity(pairs.size_hint().0);
        pairs.for_each(|(name, value)| headers.push(name, value.as_ref()));
        headers
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_added_is_there_in_order(pairs: Vec<(String, Vec<u8>)>) {
            let pairs = || pairs.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            let headers = Headers::from_iter(pairs());
            prop_assert!(headers.iter().eq(pairs()));
            prop_assert!(headers == headers.iter().collect());
        }
    }
}
