//! Peers that are silent, slow, greedy, or speak HTTP as no client does.

pub mod headers_without_end;
pub mod long_selectors;
pub mod pings_unanswered;
pub mod rapid_resets;
pub mod silent_handshakes;
pub mod slow_bodies;
pub mod slow_headers;
pub mod unread_watches;
pub mod withheld_window;
