//! Environments are made with a program in the place of `uv`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use super::super::script::Script;
use super::super::spec::Base;
use super::*;

/// A folder for environments, and a program that counts its runs.
struct Machine {
    folder: tempfile::TempDir,
    installer: Installer,
    uv: Uv,
}

const MAKE: &str = "mkdir -p $VIRTUAL_ENV/bin; touch $VIRTUAL_ENV/bin/python; \
                    printf 'implementation = CPython\\nversion_info = 3.12.1\\n' >$VIRTUAL_ENV/pyvenv.cfg";

impl Machine {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let runs = folder.path().join("runs");
        let begin = format!("echo run >>{}\nfolder=${{VIRTUAL_ENV%/*}}", runs.display());
        let text = format!("#!/bin/sh\n{begin}\n{script}\n");
        fs::write(bin.join("uv"), text).unwrap();
        fs::set_permissions(bin.join("uv"), fs::Permissions::from_mode(0o700)).unwrap();
        let store = Store::open_in(&folder.path().join("owt")).unwrap();
        let installer = Installer::new(store, Duration::from_secs(20), Arc::default());
        Self { uv: Uv::at(bin.join("uv")), folder, installer }
    }

    fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join(name)).ok()
    }

    /// What is in the folder of environments, locks among it.
    fn left(&self) -> usize {
        fs::read_dir(self.folder.path().join("owt/environments")).unwrap().count()
    }

    fn runs(&self) -> usize {
        self.file("runs").map_or(0, |text| text.lines().count())
    }

    fn spec(&self, dependency: &str, lock: Option<&str>) -> Spec {
        self.spec_of(&format!("dependencies = [{dependency:?}]"), lock)
    }

    fn spec_of(&self, line: &str, lock: Option<&str>) -> Spec {
        let script = Script::of(&format!("# /// script\n# {line}\n# ///\n")).unwrap().unwrap();
        let base = Base { python: "/python".into(), version: "3.11.2".into(), settings: "".into() };
        Spec::new(script, lock.map(Arc::from), Arc::new(base))
    }

    async fn install(&self, spec: &Spec) -> Result<Installed, EnvironmentError> {
        self.installer.install(spec, || Some(self.uv.clone()), &Progress::default()).await
    }
}

fn is_ready(path: &Path) -> bool {
    path.join("ready.json").is_file()
}

#[tokio::test]
async fn an_environment_is_made_once_and_is_there_for_others_and_later() {
    let machine = Machine::new(&format!("echo $@ >$folder/args; {MAKE}"));
    let spec = machine.spec("six", None);
    let (one, other) = tokio::join!(machine.install(&spec), machine.install(&spec));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(&one.python, &other.python);
    let expected = Manifest { python: "3.12.1".to_owned(), dependencies: vec!["six".to_owned()] };
    assert_eq!(one.manifest, expected);
    assert!(one.python.is_file() && is_ready(&machine.installer.store.folder(spec.key())));
    let args = machine.file(&format!("owt/environments/{}/args", spec.key())).unwrap();
    let script = machine.installer.store.folder(spec.key()).join("script.py");
    let expected = format!(
        "--project {} sync --no-progress --active --script {} --python /python\n",
        script.parent().unwrap().display(),
        script.display()
    );
    assert_eq!(args, expected);
    drop((one, other));
    machine.install(&spec).await.unwrap();
    assert_eq!(machine.runs(), 1);
}

#[tokio::test]
async fn a_lock_lies_beside_the_script_and_is_not_changed() {
    let machine = Machine::new(&format!("echo $@ >$folder/args; {MAKE}"));
    let spec = machine.spec("six", Some("version = 1"));
    machine.install(&spec).await.unwrap();
    let folder = format!("owt/environments/{}", spec.key());
    assert!(machine.file(&format!("{folder}/args")).unwrap().contains(" --frozen "));
    let lock = machine.file(&format!("{folder}/script.py.lock"));
    assert_eq!(lock.as_deref(), Some("version = 1"));
}

#[tokio::test]
async fn a_failure_is_told_in_its_own_words_and_tried_again_by_the_next() {
    let machine = Machine::new("echo Resolving >&2; echo 'error: no six' >&2; exit 1");
    let spec = machine.spec("six", None);
    for runs in 1..3 {
        let err = machine.install(&spec).await.unwrap_err();
        assert_eq!(err.to_string(), "uv could not install them:\nResolving\nerror: no six");
        assert_eq!((machine.runs(), machine.left()), (runs, 0));
    }
}

#[tokio::test]
async fn an_installation_that_takes_too_long_is_killed_with_what_it_has_started() {
    let mut machine = Machine::new(
        "cd $folder/..; sleep 60 & echo $! >child.partial; mv child.partial child; wait",
    );
    machine.installer.limit = Duration::from_millis(500);
    let spec = machine.spec("six", None);
    let err = machine.install(&spec).await.unwrap_err();
    assert!(matches!(err, EnvironmentError::Slow { .. }), "{err}");
    assert!(!machine.installer.store.folder(spec.key()).exists());
    let child = machine.file("owt/environments/child").unwrap();
    let stat = Path::new("/proc").join(child.trim()).join("stat");
    let is_gone = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    for _ in 0..500 {
        if is_gone() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the process is still there");
}

#[tokio::test]
async fn what_was_left_in_the_middle_is_made_anew() {
    let machine = Machine::new(MAKE);
    let spec = machine.spec("six", None);
    let folder = machine.installer.store.folder(spec.key());
    fs::create_dir_all(folder.join("venv/lib")).unwrap();
    fs::write(folder.join("venv/lib/half"), "").unwrap();
    machine.install(&spec).await.unwrap();
    assert!(is_ready(&folder) && !folder.join("venv/lib/half").exists());
}

#[tokio::test]
async fn an_installation_whose_server_was_killed_is_waited_for() {
    let machine = Machine::new(&format!("[ -e $folder/../ended ] && {{ {MAKE}; }}"));
    let spec = machine.spec("six", None);
    let store = &machine.installer.store;
    // What it has started holds the lock as its standard input.
    let root = store.folder(spec.key()).parent().unwrap().to_path_buf();
    let lock = fs::File::create(root.join(format!("{}.lock", spec.key()))).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let mut left = std::process::Command::new("sh")
        .args(["-c", "sleep 0.3; touch ended"])
        .current_dir(root)
        .stdin(lock)
        .spawn()
        .unwrap();
    machine.install(&spec).await.unwrap();
    assert!(left.wait().unwrap().success());
}

#[tokio::test]
async fn without_uv_what_is_there_is_used_and_nothing_else() {
    let machine = Machine::new(MAKE);
    let (there, missing) = (machine.spec("six", None), machine.spec("idna", None));
    machine.install(&there).await.unwrap();
    let progress = Progress::default();
    let without = |spec| machine.installer.install(spec, || None, &progress);
    assert!(matches!(without(&missing).await, Err(EnvironmentError::NoUv)));
    assert!(without(&there).await.is_ok());
    // The folder and its lock.
    assert_eq!(machine.left(), 2);
}

#[tokio::test]
async fn secrets_of_the_server_do_not_reach_uv() {
    let machine = Machine::new(&format!("env >$folder/environment; {MAKE}"));
    let spec = machine.spec("six", None);
    machine.install(&spec).await.unwrap();
    let environment = machine.file(&format!("owt/environments/{}/environment", spec.key()));
    let environment = environment.unwrap();
    assert!(environment.contains("UV_PYTHON_DOWNLOADS=") && !environment.contains("OWT_TOKEN="));
}

#[tokio::test]
async fn nothing_is_read_from_folders_above_and_paths_are_relative_to_the_start_directory() {
    let machine = Machine::new(&format!("pwd >$folder/pwd; {MAKE}"));
    let spec = machine.spec("six", None);
    machine.install(&spec).await.unwrap();
    let folder = format!("owt/environments/{}", spec.key());
    let file = |name: &str| machine.file(&format!("{folder}/{name}"));
    let started = std::env::current_dir().unwrap().display().to_string();
    assert_eq!(file("pwd").as_deref().map(str::trim), Some(&*started));
    assert_eq!([file("uv.toml"), file("pyproject.toml")], ["", ""].map(|text| Some(text.into())));
}

#[tokio::test]
async fn another_python_is_looked_for_first() {
    let machine = Machine::new(&format!("echo $@ >>$folder/args; {MAKE}"));
    let spec = machine.spec_of("requires-python = '>=3.12'", None);
    machine.install(&spec).await.unwrap();
    let folder = machine.installer.store.folder(spec.key());
    let args = fs::read_to_string(folder.join("args")).unwrap();
    let folder = folder.display();
    let expected = format!(
        "--project {folder} venv --quiet --python >=3.12 {folder}/venv\n\
         --project {folder} sync --no-progress --active --script {folder}/script.py \
         --python {folder}/venv/bin/python\n"
    );
    assert_eq!(args, expected);
}

#[tokio::test]
async fn what_another_server_makes_and_uses_meanwhile_is_used() {
    let machine = Machine::new(MAKE);
    let spec = machine.spec("six", None);
    let store = &machine.installer.store;
    let mut used_by_other = None;
    let find = || {
        fs::create_dir_all(store.virtualenv(spec.key()).join("bin")).unwrap();
        fs::write(store.python(spec.key()), "").unwrap();
        let (python, dependencies) = ("3.12.1".to_owned(), Vec::new());
        store.set_ready(spec.key(), &Manifest { python, dependencies }).unwrap();
        used_by_other = store.try_lock_shared(spec.key()).unwrap();
        Some(machine.uv.clone())
    };
    machine.installer.install(&spec, find, &Progress::default()).await.unwrap();
    assert!(used_by_other.is_some());
    assert_eq!(machine.runs(), 0);
}

#[tokio::test]
async fn those_that_wait_for_another_server_hold_up_nobody() {
    let machine = Machine::new(MAKE);
    let specs: Vec<_> =
        (0..=MAX_INSTALLING).map(|n| machine.spec(&format!("p{n}"), None)).collect();
    let lock = |spec: &Spec| machine.installer.store.try_lock_exclusive(spec.key()).unwrap();
    let held: Vec<_> = specs.iter().map(lock).collect();
    let waiting = futures_util::future::join_all(specs.iter().map(|spec| machine.install(spec)));
    let free = machine.spec("six", None);
    let other = async {
        machine.install(&free).await.unwrap();
        drop(held);
    };
    let (installed, ()) = tokio::join!(waiting, other);
    assert!(installed.iter().all(Result::is_ok));
}

#[tokio::test]
async fn installations_hold_up_others_but_not_what_is_there() {
    let machine = Machine::new(&format!(
        "cd $folder/..; touch begun; while [ -e slow -a ! -e go ]; do sleep 0.01; done; {MAKE}"
    ));
    let ready = machine.spec("six", None);
    machine.install(&ready).await.unwrap();
    let root = machine.folder.path().join("owt/environments");
    fs::write(root.join("slow"), "").unwrap();
    let specs: Vec<_> =
        (0..=MAX_INSTALLING).map(|n| machine.spec(&format!("p{n}"), None)).collect();
    let installing = futures_util::future::join_all(specs.iter().map(|spec| machine.install(spec)));
    let other = async {
        while machine.runs() <= MAX_INSTALLING {
            sleep(POLL_INTERVAL).await;
        }
        machine.install(&ready).await.unwrap();
        assert_eq!(machine.runs(), 1 + MAX_INSTALLING);
        fs::write(root.join("go"), "").unwrap();
    };
    let (installed, ()) = tokio::join!(installing, other);
    assert!(installed.iter().all(Result::is_ok));
}
