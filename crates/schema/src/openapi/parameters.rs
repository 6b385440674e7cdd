//! The parameters that the verbs of a resource take.

/// A parameter in the query of a URL.
pub(super) struct Parameter {
    pub name: &'static str,
    /// The JSON type.
    pub json_type: &'static str,
    pub description: &'static str,
}

const fn text(name: &'static str, description: &'static str) -> Parameter {
    Parameter { name, json_type: "string", description }
}

const fn number(name: &'static str, description: &'static str) -> Parameter {
    Parameter { name, json_type: "integer", description }
}

const fn flag(name: &'static str, description: &'static str) -> Parameter {
    Parameter { name, json_type: "boolean", description }
}

pub(super) const NAMESPACE: &str = "The namespace of the objects.";
pub(super) const PRETTY: Parameter = text("pretty", "If 'true', the answer is indented.");

const DRY_RUN: Parameter =
    text("dryRun", "With 'All', the request passes through every stage and nothing is persisted.");
const FIELD_MANAGER: Parameter =
    text("fieldManager", "The name under which the fields of this request are owned. Apply patches require it.");
const FIELD_VALIDATION: Parameter = text(
    "fieldValidation",
    "What to do about unknown and duplicate fields: 'Ignore' drops them, 'Warn' drops them with a warning each, \
     'Strict' refuses the request.",
);
const FORCE: Parameter = flag("force", "Takes over fields that other managers own. Only apply patches may set it.");
const LABEL_SELECTOR: Parameter = text("labelSelector", "Restricts the objects by their labels.");
const FIELD_SELECTOR: Parameter = text("fieldSelector", "Restricts the objects by their fields.");
const LIMIT: Parameter = number("limit", "The most objects to answer with; `continue` of the answer leads on.");
const CONTINUE: Parameter = text("continue", "Continues a list where an earlier answer ended.");
const RESOURCE_VERSION: Parameter = text("resourceVersion", "The version of the data to answer from.");
const RESOURCE_VERSION_MATCH: Parameter = text("resourceVersionMatch", "How resourceVersion restricts a list.");
const TIMEOUT: Parameter = number("timeoutSeconds", "How long a list or watch may last.");
const WATCH: Parameter = flag("watch", "Answers with a stream of changes instead of a list.");
const BOOKMARKS: Parameter = flag("allowWatchBookmarks", "Asks for bookmarks in a watch.");
const INITIAL_EVENTS: Parameter = flag("sendInitialEvents", "Begins a watch with the objects that there are.");
const GRACE_PERIOD: Parameter = number("gracePeriodSeconds", "How long the object may take to end.");
const ORPHAN: Parameter = flag("orphanDependents", "Deprecated: use propagationPolicy.");
const PROPAGATION: Parameter = text(
    "propagationPolicy",
    "What becomes of dependents: 'Orphan' leaves them, 'Background' deletes them afterwards, 'Foreground' before.",
);

/// The parameters of `create` and `update`.
pub(super) const WRITE: &[Parameter] = &[DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION];
/// The parameters of `patch`.
pub(super) const PATCH: &[Parameter] = &[DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION, FORCE];
/// The parameters of `list` and `watch`.
pub(super) const LIST: &[Parameter] = &[
    BOOKMARKS,
    CONTINUE,
    FIELD_SELECTOR,
    LABEL_SELECTOR,
    LIMIT,
    RESOURCE_VERSION,
    RESOURCE_VERSION_MATCH,
    INITIAL_EVENTS,
    TIMEOUT,
    WATCH,
];
/// The parameters of `delete`.
pub(super) const DELETE: &[Parameter] = &[DRY_RUN, GRACE_PERIOD, ORPHAN, PROPAGATION];
/// The parameters of `deletecollection`.
pub(super) const DELETE_COLLECTION: &[Parameter] = &[
    CONTINUE,
    DRY_RUN,
    FIELD_SELECTOR,
    GRACE_PERIOD,
    LABEL_SELECTOR,
    LIMIT,
    ORPHAN,
    PROPAGATION,
    RESOURCE_VERSION,
    RESOURCE_VERSION_MATCH,
    TIMEOUT,
];
