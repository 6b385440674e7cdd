//! The resource types people write in Git, one module per API group.
