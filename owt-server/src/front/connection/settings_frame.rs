//! The frame with which HTTP/2 begins at the server's side (RFC 9113, section 3.4): actix-web has no way
//! to say in it how many streams a connection may have, so that is added here. Clients then wait,
//! instead of being refused.

/// Length, type, flags and stream of a frame.
const HEAD: usize = 9;

/// The type of a `SETTINGS` frame.
const SETTINGS: u8 = 4;

/// The setting `MAX_CONCURRENT_STREAMS`.
const MAX_CONCURRENT_STREAMS: u16 = 3;

/// The frame that `bytes` begin with and one setting more, and how many of the bytes it stands for;
/// `None` if they begin with another frame.
pub(super) fn with_max_streams(bytes: &[u8], max_streams: u32) -> Option<(Vec<u8>, usize)> {
    let [len_0, len_1, len_2, SETTINGS, 0, 0, 0, 0, 0, ..] = *bytes else { return None };
    let len = u32::from_be_bytes([0, len_0, len_1, len_2]) as usize;
    let settings = bytes.get(HEAD..HEAD + len)?;
    let setting = [&MAX_CONCURRENT_STREAMS.to_be_bytes()[..], &max_streams.to_be_bytes()].concat();
    let new_len = u32::try_from(len + setting.len()).ok()?.to_be_bytes();
    let head = [&new_len[1..], &bytes[3..HEAD]].concat();
    Some(([&head[..], settings, &setting].concat(), HEAD + len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_is_added_to_the_first_frame() {
        // INITIAL_WINDOW_SIZE, then a WINDOW_UPDATE.
        let frame = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0];
        let written = [&frame[..], &[0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0]].concat();
        let expected = [0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0, 3, 0, 0, 1, 0];
        assert_eq!(with_max_streams(&written, 256), Some((expected.to_vec(), frame.len())));
    }

    #[test]
    fn what_is_no_whole_frame_of_settings_is_left_alone() {
        for bytes in
            [&[][..], &[0, 0, 0, 4], &[0, 0, 0, 4, 1, 0, 0, 0, 0], &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0]]
        {
            assert_eq!(with_max_streams(bytes, 256), None);
        }
    }
}
