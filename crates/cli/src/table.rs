//! Text in columns. Knows nothing of what it says.

use crate::output::plain;
use std::fmt::Write;

/// Rows of cells under a head. Cells that begin with a control character's trouble are made plain.
pub(crate) struct Table {
    /// A name that begins with `>` is of a column of numbers, which stand right.
    head: Vec<String>,
    rows: Vec<(Vec<String>, String)>,
}

impl Table {
    /// A table with these columns; one whose name begins with `>` is set to the right.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// One more row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push((cells, String::new()));
    }

    /// What stands under the row that was given last, as it is.
    pub(crate) fn below(&mut self, text: String) {
        if let Some((_, below)) = self.rows.last_mut() {
            *below = text;
        }
    }

    /// All of it; without rows, nothing.
    pub(crate) fn text(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let head: Vec<String> =
            self.head.iter().map(|name| name.trim_start_matches('>').to_owned()).collect();
        let mut widths: Vec<usize> = head.iter().map(|name| name.chars().count()).collect();
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|(row, _)| row.iter().map(|cell| plain(cell)).collect()).collect();
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: &[String]| {
            let mut line = String::new();
            for ((cell, width), name) in cells.iter().zip(&widths).zip(&self.head) {
                // Writing to a text cannot fail.
                let _ = if name.starts_with('>') {
                    write!(line, "{cell:>width$}  ")
                } else {
                    write!(line, "{cell:<width$}  ")
                };
            }
            line.trim_end().to_owned() + "\n"
        };
        let mut text = line(&head);
        for (row, (_, below)) in rows.iter().zip(&self.rows) {
            text += &line(row);
            text += below;
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["Name", ">Count", "Last"]);
        assert_eq!(table.text(), "");
        table.row(vec!["a".into(), "7".into(), "x".into()]);
        table.row(vec!["longer".into(), "1234567".into(), "\u{1b}[31m".into()]);
        table.below("\tbelow\n".into());
        let text = table.text();
        assert_eq!(
            text,
            "Name      Count  Last\na             7  x\nlonger  1234567  \u{fffd}[31m\n\tbelow\n"
        );
    }
}
