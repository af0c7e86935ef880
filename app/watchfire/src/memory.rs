//! How the process takes memory.

use mimalloc::MiMalloc;

/// A record is made on one thread, searched by a second and freed by a third: libc's allocator
/// takes more time for that, and keeps more memory.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Asks the kernel for small pages. Huge ones stay whole for a single live record in them: at full
/// ingest the process would hold a quarter more, and be no faster.
pub(crate) fn ask_for_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        // It only takes more memory then.
        tracing::debug!(%error, "huge pages stay");
    }
}
