//! What stands on the screen of a terminal after a program has drawn on it, and above it.

use std::num::NonZeroU16;

/// How many rows that left the screen are kept.
const KEPT: usize = 10_000;

/// The rows of a terminal of so many rows and columns, those that left the screen first, after all that was drawn: colours take no
/// room, and what was drawn over is gone.
pub fn seen(drawn: &[u8], (rows, columns): (u16, u16)) -> Vec<String> {
    let mut terminal = vt100::Parser::new(NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap(), KEPT);
    terminal.process(drawn);
    let mut seen = Vec::new();
    for above in (1..=terminal.screen().scrollback_len()).rev() {
        terminal.screen_mut().set_scrollback(above);
        seen.extend(terminal.screen().rows(0, columns).next());
    }
    terminal.screen_mut().set_scrollback(0);
    seen.extend(terminal.screen().rows(0, columns));
    seen.iter().map(|row| row.trim_end().to_owned()).collect()
}
