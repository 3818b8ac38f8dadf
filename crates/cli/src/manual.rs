//! `danja completions` and `danja man`: what a shell and `man` know of the command, made from the
//! description that its arguments are read by. Writes to standard output, and installs nothing.

use crate::args::{Cli, CompletionsArgs, ManArgs, Shell};
use crate::failure::Failure;
use crate::output;
use clap::{Command, CommandFactory};
use std::process::ExitCode;

/// The script for a shell.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    clap_complete::generate(shell, &mut Cli::command(), "danja", &mut script);
    output::data(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// The page of the command, or of one of its commands.
pub(crate) fn man(args: &ManArgs) -> Result<ExitCode, Failure> {
    let page = page(args.command.as_deref())?;
    output::data(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::SUCCESS)
}

fn page(command: Option<&str>) -> Result<Vec<u8>, Failure> {
    let mut all = Cli::command();
    // Gives the commands their full names, `danja get`, and the options that all have.
    all.build();
    let described = match command {
        None => all,
        Some(name) => all.find_subcommand(name).cloned().ok_or_else(|| no_page(&all, name))?,
    };
    let examples = described.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    // Its words would be filled into one paragraph.
    let described = described.after_long_help(None::<&str>);
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(described).manual("Danja").render(&mut page);
    rendered.map_err(|error| Failure::new(format_args!("the page cannot be made: {error}")))?;
    if let Some(lines) = examples.strip_prefix("Examples:\n") {
        page.extend_from_slice(section("EXAMPLES", lines).as_bytes());
    }
    Ok(page)
}

/// A section whose lines stay as they are (`man(7)`, `roff(7)`).
fn section(title: &str, lines: &str) -> String {
    // Each line is indented, so that none begins with a dot, which would be a request.
    let words = lines.replace('\\', "\\(rs").replace('-', "\\-");
    format!(".SH {title}\n.nf\n{}\n.fi\n", words.trim_end())
}

fn no_page(all: &Command, name: &str) -> Failure {
    let names: Vec<_> = all.get_subcommands().map(Command::get_name).collect();
    let text = format!("there is no command \u{2018}{name}\u{2019}: write {}", names.join(", "));
    Failure::new(text).with_code(2)
}
