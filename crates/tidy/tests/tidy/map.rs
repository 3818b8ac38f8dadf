//! `ARCHITECTURE.md` is true: its paths exist, and its functions are where it says; and so do the
//! paths of `SECURITY.md`.

use danja_tidy::{Project, architecture};

use crate::none;

#[test]
fn every_path_of_the_map_exists() {
    let project = Project::read();
    let paths = architecture::paths(project.text("ARCHITECTURE.md"));
    assert!(paths.len() >= 10, "the map names only {} paths", paths.len());
    let faults: Vec<String> = paths
        .into_iter()
        .filter(|path| !project.root.join(path).exists())
        .map(|path| format!("ARCHITECTURE.md: there is no {path}"))
        .collect();
    none("the map is not true", &faults);
}

#[test]
fn every_defence_is_where_it_says() {
    let project = Project::read();
    let paths = architecture::paths(project.text("SECURITY.md"));
    assert!(paths.len() >= 10, "SECURITY.md names only {} paths", paths.len());
    let faults: Vec<String> = paths
        .into_iter()
        .filter(|path| !project.root.join(path).exists())
        .map(|path| format!("SECURITY.md: there is no {path}"))
        .collect();
    none("the threat model is not true", &faults);
}

#[test]
fn every_function_of_the_trip_is_where_it_says() {
    let project = Project::read();
    let steps = architecture::steps(project.text("ARCHITECTURE.md"));
    assert!(steps.len() >= 10, "the trip has only {} steps", steps.len());
    let mut faults = Vec::new();
    for step in steps {
        let Some(source) = project.sources.iter().find(|source| source.path == step.path) else {
            faults.push(format!("{}: there is no {}", step.function, step.path));
            continue;
        };
        let mut names = step.function.trim_end_matches("()").rsplit("::");
        let name = names.next().unwrap_or("");
        let defined =
            ["(", "<"].iter().any(|next| source.code.contains(&format!("fn {name}{next}")));
        let owner = names.next().filter(|owner| owner.starts_with(char::is_uppercase));
        if !defined || owner.is_some_and(|owner| !source.code.contains(owner)) {
            faults.push(format!("{}: not in {}", step.function, step.path));
        }
    }
    none("the trip is not true", &faults);
}

#[test]
fn every_package_is_on_the_map() {
    let project = Project::read();
    let text = project.text("ARCHITECTURE.md");
    let faults: Vec<String> = project
        .packages
        .iter()
        .filter(|package| !text.contains(&format!("`{}`", package.folder)))
        .map(|package| format!("ARCHITECTURE.md: `{}` is not on the map", package.folder))
        .collect();
    none("the map is not whole", &faults);
}
