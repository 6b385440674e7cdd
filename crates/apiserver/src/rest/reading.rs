//! Reading a collection page by page, all of it as it was at the first.

use cowherd_store::{ListOptions, Revision};

use crate::{
    server::ApiServer,
    status::ApiResult,
    stored::{Outlet, Stored},
};

/// How many bytes of objects a page has, the last object not counted.
pub(super) const PAGE: usize = 256 * 1024;

/// Which part of a collection is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Span {
    /// What its keys begin with.
    pub prefix: String,
    /// How many objects at most, those that are left out not counted.
    pub limit: Option<u64>,
    /// The key after which it begins.
    pub after: Option<String>,
    /// The revision whose state is read.
    pub at: Option<Revision>,
    /// Whether it is told how many objects follow, or only that some do.
    pub counted: bool,
}

/// A collection that is being read.
pub(super) struct Reading {
    pub(super) server: ApiServer,
    outlet: Outlet,
    span: Span,
    /// How many objects may follow after the last one that was read.
    remaining: u64,
}

impl Reading {
    /// What an outlet gives of this part.
    pub fn new(server: &ApiServer, outlet: Outlet, span: Span) -> Self {
        Self { server: server.clone(), outlet, span, remaining: 0 }
    }

    /// Hands the objects of the next page to `take`, as many as have `size` bytes and one at least; whether there is a page
    /// after it. An object that cannot be read keeps no other from it.
    pub async fn page(
        &mut self,
        size: usize,
        take: impl FnMut(Stored<'_>) -> ApiResult<()>,
    ) -> Result<bool, cowherd_store::Error> {
        let read = self.page_if(size, |_| true, take).await?;
        Ok(read.unwrap_or_default())
    }

    /// The same if the page `fits`, which is asked with how many bytes it has; `None` where it does not, and nothing of it is
    /// kept.
    pub async fn page_if(
        &mut self,
        size: usize,
        fits: impl FnOnce(usize) -> bool,
        mut take: impl FnMut(Stored<'_>) -> ApiResult<()>,
    ) -> Result<Option<bool>, cowherd_store::Error> {
        let Self { outlet, span, .. } = self;
        let wanted = span.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let (start_after, at) = (span.after.clone(), span.at);
        let options = ListOptions { start_after, limit: wanted, size: Some(size), at, uncounted: true };
        let page = self.server.store().list(&span.prefix, options).await?;
        if !fits(page.entries.iter().map(|entry| entry.value.len()).sum()) {
            return Ok(None);
        }
        let is_last = page.remaining == 0 || page.entries.is_empty();
        // An entry goes as soon as it is read.
        for entry in page.entries {
            let taken = outlet.read(&entry.value, entry.modified).and_then(|object| {
                let means = outlet.means(&object);
                if means { take(object).map(|()| true) } else { Ok(false) }
            });
            match taken {
                Ok(taken) => span.limit = span.limit.map(|limit| limit.saturating_sub(u64::from(taken))),
                Err(error) => tracing::error!(key = entry.key, %error, "left out of a list"),
            }
            span.after = Some(entry.key);
        }
        // The pages are the state of one revision.
        span.at = Some(page.revision);
        self.remaining = page.remaining;
        if is_last {
            return Ok(Some(false));
        }
        if span.limit == Some(0) {
            self.count().await?;
            return Ok(Some(false));
        }
        // Others get the thread meanwhile.
        tokio::task::yield_now().await;
        Ok(Some(true))
    }

    async fn count(&mut self) -> Result<(), cowherd_store::Error> {
        let Span { prefix, after, at, counted, .. } = &self.span;
        if *counted {
            let options = ListOptions { start_after: after.clone(), limit: Some(0), at: *at, ..ListOptions::default() };
            self.remaining = self.server.store().list(prefix, options).await?.remaining;
        }
        Ok(())
    }

    /// The revision whose state is read, once a page was.
    pub fn revision(&self) -> Revision {
        self.span.at.unwrap_or_default()
    }

    /// The key of the last object that was read.
    pub fn reached(&self) -> Option<&str> {
        self.span.after.as_deref()
    }

    /// Behind which object the rest of the collection begins, where some is left.
    pub fn rest_begins_after(&self) -> Option<&str> {
        let after = self.span.after.as_deref().filter(|_| self.remaining > 0)?;
        Some(after.strip_prefix(&self.span.prefix).unwrap_or(after))
    }

    /// How many objects that is, where they are counted.
    pub fn remaining(&self) -> Option<u64> {
        self.span.counted.then_some(self.remaining)
    }
}
