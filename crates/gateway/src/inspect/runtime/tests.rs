//! The directory is made closed, and nothing that another could have put there is trusted.

use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use tempfile::tempdir;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_is_made_closed_and_found_again() {
    let parent = tempdir().unwrap();
    let path = parent.path().join("danja");
    let made = RuntimeDir::at(&path).unwrap();
    assert_eq!((mode(&path), made.path()), (0o700, path.as_path()));
    assert_eq!(RuntimeDir::at(&path).unwrap(), made);
}

#[test]
fn what_others_could_use_is_refused() {
    let parent = tempdir().unwrap();
    let open = parent.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o750)).unwrap();
    let error = RuntimeDir::at(&open).unwrap_err();
    assert!(matches!(error, RuntimeError::Open(_, 0o750)), "{error:?}");
    assert!(error.to_string().contains("chmod 700"), "{error}");
    assert_eq!(mode(&open), 0o750, "it is not ours to change");

    let link = parent.path().join("link");
    symlink(parent.path(), &link).unwrap();
    assert!(matches!(RuntimeDir::at(&link), Err(RuntimeError::NotADirectory(_))));

    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(RuntimeDir::at(&file), Err(RuntimeError::NotADirectory(_))));

    let nowhere = parent.path().join("none/danja");
    assert!(matches!(RuntimeDir::at(&nowhere), Err(RuntimeError::Unavailable(..))));
}

#[test]
fn a_directory_of_another_user_is_refused() {
    // Only root can make one; for an ordinary user the root of all files is one.
    let parent = tempdir().unwrap();
    let theirs = parent.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    let given = std::os::unix::fs::chown(&theirs, Some(12345), None).is_ok();
    let path = if given { theirs } else { PathBuf::from("/") };
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(RuntimeDir::at(&path), Err(RuntimeError::Foreign(..))));
    // And where the environment leads to one, it is not taken.
    assert_eq!(
        place(Some(path.into())),
        PathBuf::from(format!("/tmp/danja-{}", geteuid().as_raw()))
    );
}

#[test]
fn the_environment_names_the_place_if_it_can_be_one() {
    let parent = tempdir().unwrap();
    let named = |path: &Path| place(Some(path.as_os_str().to_owned()));
    assert_eq!(named(parent.path()), parent.path().join("danja"));
    let own = PathBuf::from(format!("/tmp/danja-{}", geteuid().as_raw()));
    assert_eq!(place(None), own);
    assert_eq!(named(Path::new("relative")), own);
    assert_eq!(named(&parent.path().join("missing")), own);
    let long = parent.path().join("x".repeat(100));
    fs::create_dir(&long).unwrap();
    assert_eq!(named(&long), own, "no socket's address would fit");
}

#[test]
fn sockets_are_named_so_that_they_fit_and_are_found() {
    let parent = tempdir().unwrap();
    let directory = RuntimeDir::at(&parent.path().join("danja")).unwrap();
    let odd = directory.socket("host", "1-../a b/\u{e9}");
    assert_eq!(odd.file_name().unwrap(), "host-1-.._a_b__.sock");
    let long = directory.socket("lan", &"n".repeat(300));
    assert_eq!(long.file_name().unwrap().len(), NAME_MAX);
    const { assert!(LONGEST + 1 + NAME_MAX < 108) };

    let path = directory.socket("host", "1-web");
    let listener = UnixListener::bind(&path).unwrap();
    fs::write(directory.path().join("host-note"), "").unwrap();
    assert_eq!(directory.sockets("host").unwrap(), [("1-web".to_owned(), path.clone())]);
    assert!(directory.sockets("lan").unwrap().is_empty());

    let near = UnixStream::connect(&path).unwrap();
    let (far, _) = listener.accept().unwrap();
    assert!(is_same_user(&near).unwrap() && is_same_user(&far).unwrap());
    assert_eq!(peer_process(&far).unwrap(), std::process::id());
}
