// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Growing the memory once, and handing each block out once a call.

use crate::{plan, status, Block, Capacities, Kind, Shared, MAX_BLOCKS};

/// Computes the layout for the capacities in the header and grows the memory to hold it; works once.
pub fn configure<const N: usize>(shared: &Shared, lengths: fn(&Capacities) -> [(Kind, u64); N]) -> i32 {
    // SAFETY: one caller at a time (see Shared), and no Arena outlives its call.
    let header = unsafe { &mut *shared.address() };
    if header.configured != 0 {
        return status::ALREADY_CONFIGURED;
    }
    let used = header.capacity_count as usize;
    if header.capacities[..used].contains(&0) {
        return status::CAPACITY;
    }
    let mut blocks = [Block::default(); MAX_BLOCKS];
    let base = memory_bytes();
    let Some(end) = plan(&lengths(&header.capacities), base, &mut blocks) else { return status::CAPACITY };
    if !grow(end - base) {
        return status::CAPACITY;
    }
    header.blocks = blocks;
    header.configured = 1;
    status::OK
}

#[cfg(target_arch = "wasm32")]
fn memory_bytes() -> u64 {
    core::arch::wasm32::memory_size(0) as u64 * 65536
}

#[cfg(target_arch = "wasm32")]
fn grow(bytes: u64) -> bool {
    core::arch::wasm32::memory_grow(0, (bytes / 65536) as usize) != usize::MAX
}

#[cfg(not(target_arch = "wasm32"))]
fn memory_bytes() -> u64 {
    0
}

#[cfg(not(target_arch = "wasm32"))]
fn grow(_: u64) -> bool {
    false
}

/// The blocks of one call: each can be taken once, so no two slices alias.
pub struct Arena {
    capacities: Capacities,
    blocks: [Block; MAX_BLOCKS],
    taken: u32,
}

impl Arena {
    /// None before `configure` succeeded.
    pub fn enter(shared: &Shared) -> Option<Self> {
        // SAFETY: one caller at a time (see Shared); the values are copied out.
        let header = unsafe { &*shared.address() };
        (header.configured == 1).then_some(Arena { capacities: header.capacities, blocks: header.blocks, taken: 0 })
    }

    /// A capacity as the host wrote it.
    pub fn capacity(&self, index: usize) -> usize {
        self.capacities[index] as usize
    }

    fn take<T>(&mut self, index: usize, kind: Kind) -> &'static mut [T] {
        let block = self.blocks[index];
        assert!(self.taken & (1 << index) == 0 && block.kind == kind as u32);
        self.taken |= 1 << index;
        // SAFETY: configure() laid the blocks out disjoint, aligned and inside the memory, which never shrinks; the
        // element type is checked above, every bit pattern of it is valid, and a block is handed out once a call.
        unsafe { core::slice::from_raw_parts_mut(block.offset as usize as *mut T, block.length as usize) }
    }

    pub fn u8(&mut self, index: usize) -> &'static mut [u8] {
        self.take(index, Kind::U8)
    }

    pub fn i32(&mut self, index: usize) -> &'static mut [i32] {
        self.take(index, Kind::I32)
    }

    pub fn u32(&mut self, index: usize) -> &'static mut [u32] {
        self.take(index, Kind::U32)
    }

    pub fn f32(&mut self, index: usize) -> &'static mut [f32] {
        self.take(index, Kind::F32)
    }

    pub fn f64(&mut self, index: usize) -> &'static mut [f64] {
        self.take(index, Kind::F64)
    }
}
