//! Reads this project's own files, so that tests can hold them to the rules of `CONTRIBUTING.md`.
//! Never compiles, runs or changes anything.

pub mod architecture;
pub mod citation;
pub mod manifest;
pub mod requirement;
pub mod source;

use std::path::{Path, PathBuf};

pub use manifest::Manifest;
pub use source::Source;

/// The work tree: where it is, and what is in it.
#[derive(Debug)]
pub struct Project {
    /// The folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Every package of the workspace, by name.
    pub packages: Vec<Manifest>,
    /// Every Rust file, by path.
    pub sources: Vec<Source>,
    /// Every other text file that a person may read: path from the root, and content.
    pub texts: Vec<(String, String)>,
}

/// Folders that hold nothing of ours (`.git` is a file in a second work tree).
const FOREIGN: [&str; 3] = ["target", ".git", "corpus"];

impl Project {
    /// Reads the work tree that this crate lies in.
    ///
    /// # Panics
    /// When a file of the project cannot be read: there is nothing to check then.
    #[must_use]
    pub fn read() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).expect("crates/tidy lies two folders deep").to_owned();
        let mut files = Vec::new();
        walk(&root, &mut files);
        files.sort();
        let mut project =
            Self { root, packages: Vec::new(), sources: Vec::new(), texts: Vec::new() };
        for file in files {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            let path = project.relative(&file);
            if path.ends_with(".rs") {
                project.sources.push(Source::new(path, text));
                continue;
            }
            if path.ends_with("Cargo.toml") {
                project.packages.extend(Manifest::parse(&path, &text));
            }
            project.texts.push((path, text));
        }
        project.packages.sort_by(|a, b| a.name.cmp(&b.name));
        project
    }

    /// The content of a file, by its path from the root; empty when there is none.
    #[must_use]
    pub fn text(&self, path: &str) -> &str {
        self.texts.iter().find(|(at, _)| at == path).map_or("", |(_, text)| text)
    }

    /// The Rust files of one package.
    pub fn sources_of<'a>(&'a self, package: &'a Manifest) -> impl Iterator<Item = &'a Source> {
        self.sources.iter().filter(move |source| {
            source.path.strip_prefix(&package.folder).is_some_and(|rest| rest.starts_with('/'))
        })
    }

    fn relative(&self, file: &Path) -> String {
        file.strip_prefix(&self.root).unwrap_or(file).to_string_lossy().into_owned()
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if FOREIGN.iter().any(|foreign| name == *foreign) {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}
