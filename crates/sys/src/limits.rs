//! Bounds that a process sets on itself before it reads what it does not trust.

use std::io;

/// Most memory and computing time of this process from now on. Beyond the first, allocations fail and end it; beyond the
/// second the system ends it. Neither can be raised again.
///
/// # Errors
/// The system refuses; it is not one that knows such limits.
pub fn limit_self(memory_bytes: u64, cpu_seconds: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        set(libc::RLIMIT_AS, memory_bytes)?;
        set(libc::RLIMIT_CPU, cpu_seconds)?;
        // No core dump of somebody's file, and no file at all.
        set(libc::RLIMIT_CORE, 0)?;
        set(libc::RLIMIT_FSIZE, 0)
    }
    #[cfg(not(unix))]
    {
        let _ = (memory_bytes, cpu_seconds);
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system limits no process"))
    }
}

#[cfg(unix)]
fn set(resource: Resource, value: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: value as libc::rlim_t, rlim_max: value as libc::rlim_t };
    // SAFETY: `setrlimit` reads one `rlimit` through the pointer, which outlives the call.
    match unsafe { libc::setrlimit(resource, &limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The type of a resource's name differs between C libraries.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(all(unix, not(all(target_os = "linux", target_env = "gnu"))))]
type Resource = libc::c_int;
