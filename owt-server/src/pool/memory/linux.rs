//! Resident memory by procfs: what the kernel's OOM killer counts, too.

use procfs::process::Process;

/// Resident bytes of one process; `None` if it has ended.
pub(crate) fn resident(pid: u32) -> Option<u64> {
    let process = Process::new(pid.cast_signed()).ok()?;
    Some(process.statm().ok()?.resident * procfs::page_size())
}

/// Resident bytes of a worker and its descendants. Exact only above `limit`.
///
/// Forked processes share pages. PSS counts a shared page once, but the kernel walks all pages to
/// compute it. The sum of RSS is cheap and never less, so PSS is only read if that exceeds `limit`.
pub(crate) fn resident_with_children(pid: u32, limit: u64) -> u64 {
    let processes = family(pid);
    let rss = processes.iter().map(|pid| resident(*pid).unwrap_or(0)).sum();
    match rss > limit && processes.len() > 1 {
        true => processes.iter().map(|pid| proportional(*pid).unwrap_or(0)).sum(),
        false => rss,
    }
}

/// A process and its descendants.
fn family(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children(*pid));
        next += 1;
    }
    found
}

pub(crate) fn children(pid: u32) -> Vec<u32> {
    let tasks = Process::new(pid.cast_signed()).and_then(|process| process.tasks());
    let tasks = tasks.into_iter().flatten().flatten();
    tasks.filter_map(|task| task.children().ok()).flatten().collect()
}

/// The proportional set size (PSS) of a process in bytes.
fn proportional(pid: u32) -> Option<u64> {
    let rollup = Process::new(pid.cast_signed()).ok()?.smaps_rollup().ok()?;
    let maps = rollup.memory_map_rollup.0;
    Some(maps.iter().filter_map(|map| map.extension.map.get("Pss")).sum())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A Python process that allocates `size` bytes and forks children that share them.
    fn python(size: usize, forks: usize) -> (Child, u32) {
        let script = format!(
            "import os, time\nkept = b'x' * {size}\n\
             for _ in range({forks}):\n    if not os.fork(): time.sleep(60)\n\
             print('ready', flush=True)\ntime.sleep(60)"
        );
        let mut command = Command::new("python3");
        command.args(["-c", &script]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 is needed for the build, too");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let pid = child.id();
        (child, pid)
    }

    fn end(mut child: Child) {
        for pid in family(child.id()).into_iter().rev() {
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        child.wait().unwrap();
    }

    #[test]
    fn memory_that_is_only_reserved_does_not_count() {
        let script = "import mmap, time\nroom = mmap.mmap(-1, 1 << 32)\nprint('ready', flush=True)\ntime.sleep(60)";
        let mut command = Command::new("python3");
        let mut child = command.args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let found = resident(child.id()).unwrap();
        end(child);
        assert!((1 << 20..200 << 20).contains(&found), "{found}");
    }

    #[test]
    fn pages_that_children_share_count_once() {
        let (child, pid) = python(100 << 20, 4);
        let (rough, exact) =
            (resident_with_children(pid, u64::MAX), resident_with_children(pid, 0));
        end(child);
        assert!(rough > 500 << 20, "{rough}");
        assert!((100 << 20..200 << 20).contains(&exact), "{exact}");
    }

    #[test]
    fn a_process_that_has_gone_has_no_memory() {
        let (child, pid) = python(0, 0);
        end(child);
        assert_eq!((resident(pid), resident_with_children(pid, 0)), (None, 0));
    }
}
