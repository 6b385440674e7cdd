//! Tables for people: columns as wide as their widest cell, on a terminal no wider than it is.

use console::measure_text_width;

use crate::terminal;
use crate::terminal::text::{plain, stdout_columns, wrap};

/// What stands between columns.
const GAP: usize = 3;
/// The fewest columns that a message takes beside others; where there are fewer, it has lines of its own.
const BESIDE: usize = 32;
/// How far those are indented.
const INDENT: usize = 4;

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    text: String,
    colour: Option<u8>,
}

impl Cell {
    /// A status of a condition: green where it is true, red where it is false, yellow where nobody knows.
    pub fn status(text: &str) -> Self {
        let colour = match text {
            "True" => 32,
            "False" => 31,
            _ => 33,
        };
        Self { text: text.to_owned(), colour: Some(colour) }
    }

    fn width(&self) -> usize {
        measure_text_width(&self.text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, colour: None }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// Rows under headers. The last column is text, and the only one that is ever wrapped; columns before it that do not fit the
/// page stand below the first ones, indented, in each row alike.
pub struct Table {
    headers: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    widths: Vec<usize>,
    /// Whether the columns stay as wide as they are.
    is_fixed: bool,
    page: Page,
}

/// What the table is printed on.
#[derive(Clone, Copy)]
struct Page {
    /// How many columns there are; without a terminal there is no limit.
    columns: Option<usize>,
    colours: bool,
}

impl Page {
    fn stdout() -> Self {
        Self { columns: stdout_columns(), colours: terminal::stdout_colours() }
    }
}

impl Table {
    /// A table without rows.
    pub fn new(headers: impl IntoIterator<Item = &'static str>) -> Self {
        let headers: Vec<_> = headers.into_iter().collect();
        let widths = headers.iter().map(|header| measure_text_width(header)).collect();
        Self { headers, rows: Vec::new(), widths, is_fixed: false, page: Page::stdout() }
    }

    /// Makes the column under a header wide enough for a text that may come later.
    pub fn reserve(&mut self, header: &str, text: &str) {
        let column = self.headers.iter().position(|known| *known == header);
        if let Some(width) = column.and_then(|column| self.widths.get_mut(column)) {
            *width = measure_text_width(text).max(*width);
        }
    }

    /// Keeps the columns of a terminal where they are from now on: what is longer than its column stands alone, with the others
    /// on the next line, each in its own column. Elsewhere a row is a line, for programs that read lines.
    pub fn fix(&mut self) {
        self.is_fixed = self.page.columns.is_some();
    }

    /// Adds a row; line breaks in cells become spaces.
    pub fn row<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let cells: Vec<Cell> = cells
            .into_iter()
            .map(Into::into)
            .map(|cell| Cell { text: plain(cell.text.trim()).replace(['\n', '\t'], " "), ..cell })
            .collect();
        for (width, cell) in self.widths.iter_mut().zip(&cells).filter(|_| !self.is_fixed) {
            *width = (*width).max(cell.width());
        }
        self.rows.push(cells);
    }

    /// Prints the table, the headers unless asked not to.
    pub fn print(mut self, with_headers: bool) {
        self.flush(with_headers);
    }

    /// Prints the rows that were added since the last time. Columns stay as wide as they were, or become wider.
    pub fn flush(&mut self, with_headers: bool) {
        if with_headers {
            let headers: Vec<Cell> = self.headers.iter().map(|header| Cell::from(*header)).collect();
            self.print_row(&headers);
        }
        for row in std::mem::take(&mut self.rows) {
            self.print_row(&row);
        }
    }

    fn print_row(&self, cells: &[Cell]) {
        for line in self.lines(cells) {
            println!("{line}");
        }
    }

    fn lines(&self, cells: &[Cell]) -> Vec<String> {
        let Some((last, before)) = cells.split_last() else { return Vec::new() };
        let mut lines = vec![String::new()];
        let mut taken = 0;
        for (index, (cell, width)) in before.iter().zip(&self.widths).enumerate() {
            if index > 0 && self.page.columns.is_some_and(|columns| taken + width > columns) {
                lines.push(" ".repeat(INDENT));
                taken = INDENT;
            }
            if cell.width() > *width {
                self.add_long(&mut lines, cell, taken);
                lines.push(" ".repeat(taken + width + GAP));
            } else if let Some(line) = lines.last_mut() {
                line.push_str(&self.coloured(cell));
                line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + GAP));
            }
            taken += width + GAP;
        }
        self.add_last(&mut lines, last, taken);
        lines.iter().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Adds what is longer than its column, as far as the page goes, and the rest of it below.
    fn add_long(&self, lines: &mut Vec<String>, cell: &Cell, start: usize) {
        let parts = match self.page.columns {
            Some(columns) if start + cell.width() > columns => wrap(&cell.text, columns.saturating_sub(start).max(1)),
            _ => vec![self.coloured(cell)],
        };
        for (index, part) in parts.into_iter().enumerate() {
            match lines.last_mut().filter(|_| index == 0) {
                Some(line) => line.push_str(&part),
                None => lines.push(" ".repeat(start) + &part),
            }
        }
    }

    /// Adds the last column, which is text: beside the others where there is room, else below them.
    fn add_last(&self, lines: &mut Vec<String>, last: &Cell, start: usize) {
        let mut parts = match self.page.columns {
            Some(columns) if start + last.width() > columns && columns < start + BESIDE => {
                let below = wrap(&last.text, columns.saturating_sub(INDENT).max(INDENT));
                lines.extend(below.into_iter().map(|part| " ".repeat(INDENT) + &part));
                return;
            }
            Some(columns) if start + last.width() > columns => wrap(&last.text, columns - start),
            _ => vec![self.coloured(last)],
        }
        .into_iter();
        if let (Some(line), Some(first)) = (lines.last_mut(), parts.next()) {
            line.push_str(&first);
        }
        lines.extend(parts.map(|part| " ".repeat(start) + &part));
    }

    fn coloured(&self, cell: &Cell) -> String {
        match cell.colour {
            Some(colour) if self.page.colours => format!("\x1b[{colour}m{}\x1b[0m", cell.text),
            _ => cell.text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: Option<usize>, colours: bool) -> Table {
        let mut table = Table::new(["NAME", "READY", "MESSAGE"]);
        table.page = Page { columns, colours };
        table
    }

    fn row(name: &str, ready: &str, message: &str) -> [Cell; 3] {
        [name.into(), Cell::status(ready), message.into()]
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_stay_so() {
        let mut table = table(None, false);
        table.row(row("infrastructure", "True", "Applied"));
        assert_eq!(table.lines(&row("a", "False", "not yet")), ["a                False   not yet"]);
        table.row(row("b", "True", "line\nbreaks\tgo "));
        assert_eq!(table.rows[1][2].text, "line breaks go");
        assert_eq!(table.lines(&table.rows[0]), ["infrastructure   True    Applied"]);
    }

    #[test]
    fn a_long_message_is_wrapped_on_a_terminal() {
        let message = "HelmRelease/default/podinfo: nothing here serves the kind helm.toolkit.fluxcd.io/v2 HelmRelease";
        let mut wide = table(Some(60), false);
        wide.row(row("apps", "False", message));
        let lines = wide.lines(&wide.rows[0]);
        assert_eq!(lines[0], "apps   False   HelmRelease/default/podinfo: nothing here");
        assert!(lines[1..].iter().all(|line| line.starts_with(&" ".repeat(15)) && line.len() <= 60), "{lines:#?}");

        let mut narrow = table(Some(44), false);
        narrow.row(row("apps", "False", message));
        let lines = narrow.lines(&narrow.rows[0]);
        assert_eq!(lines[0], "apps   False");
        assert_eq!(lines[1], "    HelmRelease/default/podinfo: nothing");
        assert!(lines.iter().all(|line| line.len() <= 44), "{lines:#?}");
        assert_eq!(narrow.lines(&row("a", "True", "short")), ["a      True    short"]);
    }

    #[test]
    fn columns_that_do_not_fit_stand_below_the_first_in_each_row() {
        let mut table = Table::new(["NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"]);
        table.page = Page { columns: Some(60), colours: true };
        let cells = |name: &str, message: &str| -> Vec<Cell> {
            vec![name.into(), "main@sha1:d43c3f6a".into(), "False".into(), Cell::status("True"), message.into()]
        };
        table.row(cells("kustomization/flux-system", "Applied revision: main@sha1:d43c3f6a"));
        let long = format!("oops {}", "x".repeat(70));
        for (name, message) in [("kustomization/flux-system", "Applied"), ("kustomization/app", &long)] {
            let lines = table.lines(&cells(name, message));
            assert!(lines.iter().all(|line| measure_text_width(line) <= 60), "{lines:#?}");
            assert_eq!(lines[0], format!("{name:28}main@sha1:d43c3f6a   False"));
            assert!(lines[1].starts_with("    \u{1b}[32mTrue\u{1b}[0m    "), "{lines:#?}");
        }
    }

    #[test]
    fn a_column_is_as_wide_as_what_may_come() {
        let mut table = table(None, false);
        table.reserve("READY", "Unknown");
        assert_eq!(table.lines(&row("a", "True", "short")), ["a      True      short"]);
    }

    #[test]
    fn columns_that_are_fixed_stay_where_they_are() {
        let mut table = table(Some(40), false);
        table.row(row("apps", "True", "Applied"));
        table.reserve("NAME", "eight...");
        table.fix();
        let name = "a-name-that-is-longer-than-its-column";
        table.row(row(name, "False", "Failed"));
        table.row(row(&name.repeat(2), "False", "Failed"));
        let long = ["a-name-that-is-longer-than-its-columna-n", "ame-that-is-longer-than-its-column"];
        let values = "           False   Failed";
        assert_eq!(table.lines(&table.rows[0]), ["apps       True    Applied"]);
        assert_eq!(table.lines(&table.rows[1]), [name, values]);
        assert_eq!(table.lines(&table.rows[2]), [long[0], long[1], values]);
    }

    #[test]
    fn where_there_is_no_terminal_a_row_is_a_line_whatever_comes() {
        let mut table = table(None, false);
        table.row(row("apps", "True", "Applied"));
        table.fix();
        table.row(row("a-name-that-is-longer-than-its-column", "False", "Failed"));
        assert_eq!(table.lines(&table.rows[1]), ["a-name-that-is-longer-than-its-column   False   Failed"]);
    }

    #[test]
    fn what_steers_a_terminal_is_no_part_of_a_cell() {
        let mut table = table(None, false);
        table.row(row("a", "True", "\u{1b}[2Jgone"));
        assert_eq!(table.rows[0][2].text, "\u{fffd}[2Jgone");
    }

    #[test]
    fn colours_take_no_room() {
        let mut table = table(None, true);
        table.row(row("apps", "True", "Applied"));
        assert_eq!(table.lines(&table.rows[0]), ["apps   \u{1b}[32mTrue\u{1b}[0m    Applied"]);
    }
}
