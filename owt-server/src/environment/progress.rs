//! What an installation says while it runs: the last lines, bounded.

use std::collections::VecDeque;
use std::fmt;

use parking_lot::Mutex;

const MAX_LINES: usize = 40;
const MAX_CHARS: usize = 400;

type Listener = Box<dyn Fn(&str) + Send + Sync>;

/// The last lines of an installation.
#[derive(Default)]
pub(crate) struct Progress {
    lines: Mutex<VecDeque<String>>,
    /// Called with each line, too.
    listener: Option<Listener>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

impl Progress {
    pub(crate) fn with_listener(listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Box::new(listener)), ..Self::default() }
    }

    pub(super) fn note(&self, line: &str) {
        let line: String = line.trim_end().chars().take(MAX_CHARS).collect();
        if let Some(listener) = &self.listener {
            listener(&line);
        }
        let mut lines = self.lines.lock();
        if lines.len() == MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let progress = Progress::default();
        (0..MAX_LINES + 2).for_each(|number| progress.note(&number.to_string()));
        progress.note(&"x".repeat(10 * MAX_CHARS));
        let lines = progress.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (MAX_LINES, "3"));
        assert_eq!(lines[MAX_LINES - 1].len(), MAX_CHARS);
    }
}
