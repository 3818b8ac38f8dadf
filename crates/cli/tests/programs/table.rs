//! The table in docs/programs.md: read, compared with, written anew. Runs nothing.

use crate::case::{Case, Column, Outcome};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

/// The lines around the table.
const BEGIN: &str = "<!-- table: written by the test `programs` -->";
const END: &str = "<!-- end of the table -->";

/// The page with the table.
pub(crate) struct Table {
    text: String,
    cells: BTreeMap<(String, String), String>,
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/programs.md")
}

/// Reads the page.
pub(crate) fn read() -> Table {
    let text = fs::read_to_string(path()).unwrap();
    let mut cells = BTreeMap::new();
    let columns = Column::all();
    let table = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let rows = table.map_or("", |(table, _)| table).lines().filter(|line| line.starts_with("| "));
    for row in rows.skip(1) {
        let entries: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        for (column, entry) in columns.iter().zip(entries.iter().skip(2)) {
            cells.insert((entries[0].to_owned(), column.to_string()), (*entry).to_owned());
        }
    }
    Table { text, cells }
}

impl Table {
    /// The page.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What stands in a cell, without what was being done when it failed.
    pub(crate) fn kind(&self, row: &str, column: Column) -> Option<String> {
        let entry = self.cells.get(&(row.to_owned(), column.to_string()))?;
        // Without what stands in brackets.
        let mut kind = String::new();
        let mut depth = 0_u32;
        for character in entry.chars() {
            match character {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ if depth == 0 => kind.push(character),
                _ => {}
            }
        }
        Some(kind.replace(" ,", ",").trim().to_owned())
    }

    /// Puts `outcome` into a cell.
    pub(crate) fn set(&mut self, case: &Case, column: Column, outcome: &Outcome) {
        self.cells.insert((case.name.into(), column.to_string()), outcome.to_string());
    }

    /// Writes the page with the cells as they are now.
    pub(crate) fn write(&self, rows: &[&Case]) {
        let columns = Column::all();
        let mut table = String::from("| program | what is done |");
        for column in &columns {
            let _ = write!(table, " {column} |");
        }
        table.push_str("\n|---|---|");
        table.push_str(&"---|".repeat(columns.len()));
        for case in rows {
            let _ = write!(table, "\n| {} | {} |", case.name, case.does);
            for column in &columns {
                let entry = self.cells.get(&(case.name.to_owned(), column.to_string()));
                let _ = write!(table, " {} |", entry.map_or("not run", String::as_str));
            }
        }
        let (before, rest) = self.text.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        fs::write(path(), format!("{before}{BEGIN}\n\n{table}\n\n{END}{after}")).unwrap();
    }
}
