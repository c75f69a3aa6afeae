// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The border between a kernel and its host: one header, one arena, exports without arguments.
//!
//! The host reads the header (`layout`), writes the capacities once, and calls `configure`, which grows the memory and
//! fills the table of blocks. The memory never grows again, so the host's views stay valid. This crate holds the only
//! unsafe code; the kernels themselves are `forbid(unsafe_code)`.
#![cfg_attr(target_arch = "wasm32", no_std)]

mod arena;
mod plan;

pub use arena::{configure, Arena};
pub use plan::{plan, Block, Capacities, Kind, MAX_BLOCKS};

/// "ARSG": the first word of the header.
pub const MAGIC: u32 = u32::from_le_bytes(*b"ARSG");
/// Version of the header and of the calling rules; the host refuses another.
pub const ABI_VERSION: u32 = 1;

/// Statuses that every kernel shares; a kernel's own begin at 16.
pub mod status {
    pub const OK: i32 = 0;
    pub const NOT_CONFIGURED: i32 = 1;
    pub const ALREADY_CONFIGURED: i32 = 2;
    pub const CAPACITY: i32 = 3;
    pub const INPUT: i32 = 4;
}

/// What the host finds at the address that `layout` returns: little-endian words.
#[repr(C)]
pub struct Header {
    pub magic: u32,
    pub abi: u32,
    /// Version of the kernel's own list of capacities and blocks.
    pub layout: u32,
    pub capacity_count: u32,
    pub block_count: u32,
    pub configured: u32,
    pub capacities: Capacities,
    pub blocks: [Block; MAX_BLOCKS],
}

impl Header {
    /// The header as it stands in a module that was never configured.
    pub const fn new(layout: u32, capacity_count: u32, block_count: u32) -> Self {
        Header {
            magic: MAGIC,
            abi: ABI_VERSION,
            layout,
            capacity_count,
            block_count,
            configured: 0,
            capacities: [0; 8],
            blocks: [Block { offset: 0, length: 0, kind: 0 }; MAX_BLOCKS],
        }
    }
}

/// A header at a fixed address; WebAssembly without threads has one caller at a time.
pub struct Shared(core::cell::UnsafeCell<Header>);

// SAFETY: the modules are built without threads, and one instance is used by one host thread at a time.
unsafe impl Sync for Shared {}

impl Shared {
    pub const fn new(header: Header) -> Self {
        Shared(core::cell::UnsafeCell::new(header))
    }

    /// The address that the host reads and writes between calls.
    pub fn address(&self) -> *mut Header {
        self.0.get()
    }
}

/// Declares a module: `kernel!(layout = 1, capacities = 1, blocks = 7, lengths)`, then one `name = function` an export.
#[macro_export]
macro_rules! kernel {
    (layout = $layout:expr, capacities = $caps:expr, blocks = $blocks:expr, lengths = $lengths:path, $($name:ident = $run:path),+ $(,)?) => {
        static HEADER: $crate::Shared = $crate::Shared::new($crate::Header::new($layout, $caps, $blocks));

        #[no_mangle]
        pub extern "C" fn abi_version() -> i32 {
            $crate::ABI_VERSION as i32
        }

        #[no_mangle]
        pub extern "C" fn layout() -> i32 {
            HEADER.address() as usize as i32
        }

        #[no_mangle]
        pub extern "C" fn configure() -> i32 {
            $crate::configure(&HEADER, $lengths)
        }

        $(
            #[no_mangle]
            pub extern "C" fn $name() -> i32 {
                match $crate::Arena::enter(&HEADER) {
                    Some(arena) => $run(arena),
                    None => $crate::status::NOT_CONFIGURED,
                }
            }
        )+

        #[cfg(target_arch = "wasm32")]
        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo) -> ! {
            core::arch::wasm32::unreachable()
        }
    };
}
