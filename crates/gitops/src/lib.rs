//! The agents: reconcilers of Flux's resources over source, render and apply.
