// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What cameras recorded
/// @notice For each camera, a list of hash trees over what it recorded, one for each period. Entries are added by the
/// camera itself and never changed or removed.
/// @dev Whoever sends is the camera: there is no registry of cameras, no administrator and no way to change what
/// was written. The contract holds no coins and calls nobody (except for the precompiled SHA-256).
///
/// A tree's id is SHA-256("EncroCam ledger tree\0" ‖ camera (20) ‖ firstMs (8) ‖ lastMs (8) ‖ leaves (4) ‖ root (32)). The
/// contract computes it, which is cheaper than to store it. Its own period is part of it and periods of a camera never
/// overlap, so that no camera can commit a tree twice.
contract Checkpoints {
    /// @notice A hash tree over the runs that ended in a period.
    /// @param tree The tree's id.
    /// @param leaves How many runs there are; at least one.
    /// @param root The tree's root.
    /// @param firstMs Where the period begins, by the camera's clock, in milliseconds since 1970-01-01T00:00Z.
    /// @param lastMs Where it ends, by the same clock; after `firstMs`.
    struct Checkpoint {
        bytes32 tree;
        uint32 leaves;
        bytes32 root;
        uint64 firstMs;
        uint64 lastMs;
    }

    /// @dev Two slots: 32 and 8 + 8 + 8 + 4 + 4 bytes.
    struct Entry {
        bytes32 root;
        uint64 firstMs;
        uint64 lastMs;
        uint64 time;
        uint32 height;
        uint32 leaves;
    }

    mapping(address camera => Entry[]) private _entries;

    /// @notice A camera committed a tree.
    /// @param camera The camera, which sent the transaction.
    /// @param tree The tree's id.
    /// @param index Its number among the camera's, from 0.
    /// @param leaves How many runs it has.
    /// @param root Its root.
    /// @param firstMs Where its period begins, in milliseconds since 1970-01-01T00:00Z.
    /// @param lastMs Where its period ends.
    event Committed(
        address indexed camera,
        bytes32 indexed tree,
        uint256 index,
        uint32 leaves,
        bytes32 root,
        uint64 firstMs,
        uint64 lastMs
    );

    /// @notice The tree has no leaves.
    /// @param tree The tree's id.
    error NoLeaves(bytes32 tree);

    /// @notice The period does not end after it begins.
    /// @param firstMs Where it begins.
    /// @param lastMs Where it ends.
    error EmptyPeriod(uint64 firstMs, uint64 lastMs);

    /// @notice The period begins before the end of the one that the camera committed last. This is also the answer to a
    /// tree that is there already.
    /// @param firstMs Where the refused period begins.
    /// @param lastMsBefore Where the camera's last period ends.
    error PeriodOverlaps(uint64 firstMs, uint64 lastMsBefore);

    /// @notice The id is not that of a tree of the sender with this root, number of leaves and period.
    /// @param tree The id that was given.
    /// @param expected What it had to be.
    error WrongTree(bytes32 tree, bytes32 expected);

    /// @notice The camera has no checkpoint of this number.
    /// @param camera The camera that was asked about.
    /// @param index The number that was asked for.
    /// @param count How many there are: numbers go from 0 to one less.
    error NoSuchCheckpoint(address camera, uint256 index, uint256 count);

    /// @notice The camera committed no such tree.
    /// @param camera The camera that was asked about.
    /// @param tree The id that was asked for.
    error UnknownTree(address camera, bytes32 tree);

    /// @notice Adds a tree to those of the sender, a camera.
    /// @dev Emits `Committed`. Reverts with `NoLeaves`, `EmptyPeriod`, `PeriodOverlaps` or `WrongTree`.
    /// @param checkpoint The tree.
    function commit(Checkpoint calldata checkpoint) external {
        _commit(checkpoint);
    }

    /// @notice Adds several trees to those of the sender, a camera, in this order: all, or none if one is refused.
    /// @dev As `commit` for each. An empty list changes nothing.
    /// @param checkpoints The trees, in the order of their periods.
    function commitAll(Checkpoint[] calldata checkpoints) external {
        for (uint256 i = 0; i < checkpoints.length; i++) {
            _commit(checkpoints[i]);
        }
    }

    /// @notice How many trees a camera committed.
    /// @param camera The camera's address.
    /// @return total How many checkpoints `checkpointAt` knows.
    function count(address camera) external view returns (uint256 total) {
        return _entries[camera].length;
    }

    /// @notice A checkpoint of a camera. Reverts with `NoSuchCheckpoint`.
    /// @param camera The camera's address.
    /// @param index From 0, the first one, to one less than `count`.
    /// @return checkpoint The tree.
    /// @return time Time of the block that holds it, in seconds since 1970-01-01T00:00Z.
    /// @return height Number of that block.
    function checkpointAt(
        address camera,
        uint256 index
    ) external view returns (Checkpoint memory checkpoint, uint64 time, uint32 height) {
        Entry[] storage entries = _entries[camera];
        if (index >= entries.length) revert NoSuchCheckpoint(camera, index, entries.length);
        Entry memory entry = entries[index];
        checkpoint = Checkpoint(
            _treeId(camera, entry.leaves, entry.root, entry.firstMs, entry.lastMs),
            entry.leaves,
            entry.root,
            entry.firstMs,
            entry.lastMs
        );
        (time, height) = (entry.time, entry.height);
    }

    /// @notice The number of a tree among those of its camera. Reverts with `UnknownTree`.
    /// @dev Binary search: periods are in order.
    /// @param camera The camera's address.
    /// @param tree The tree's id.
    /// @param firstMs Where the tree's period begins.
    /// @return index What `checkpointAt` takes.
    function indexOf(address camera, bytes32 tree, uint64 firstMs) external view returns (uint256 index) {
        Entry[] storage entries = _entries[camera];
        uint256 high = entries.length;
        while (index < high) {
            uint256 middle = (index + high) / 2;
            if (entries[middle].firstMs < firstMs) index = middle + 1;
            else high = middle;
        }
        if (index == entries.length) revert UnknownTree(camera, tree);
        Entry memory entry = entries[index];
        bytes32 found = _treeId(camera, entry.leaves, entry.root, entry.firstMs, entry.lastMs);
        if (found != tree || entry.firstMs != firstMs) revert UnknownTree(camera, tree);
    }

    /// @dev Checks a tree and adds it to those of the sender.
    /// @param checkpoint The tree.
    function _commit(Checkpoint calldata checkpoint) private {
        (uint32 leaves, bytes32 root) = (checkpoint.leaves, checkpoint.root);
        (uint64 firstMs, uint64 lastMs) = (checkpoint.firstMs, checkpoint.lastMs);
        if (leaves == 0) revert NoLeaves(checkpoint.tree);
        if (lastMs <= firstMs) revert EmptyPeriod(firstMs, lastMs);
        Entry[] storage entries = _entries[msg.sender];
        uint256 index = entries.length;
        if (index > 0) {
            uint64 lastMsBefore = entries[index - 1].lastMs;
            if (firstMs < lastMsBefore) revert PeriodOverlaps(firstMs, lastMsBefore);
        }
        bytes32 tree = _treeId(msg.sender, leaves, root, firstMs, lastMs);
        if (checkpoint.tree != tree) revert WrongTree(checkpoint.tree, tree);
        entries.push(Entry(root, firstMs, lastMs, uint64(block.timestamp), uint32(block.number), leaves));
        emit Committed(msg.sender, tree, index, leaves, root, firstMs, lastMs);
    }

    /// @dev The id of a tree, as `docs/ref/ledger.md` has it.
    /// @param camera The camera's address.
    /// @param leaves How many runs the tree has.
    /// @param root The tree's root.
    /// @param firstMs Where its period begins.
    /// @param lastMs Where its period ends.
    /// @return The id.
    function _treeId(
        address camera,
        uint32 leaves,
        bytes32 root,
        uint64 firstMs,
        uint64 lastMs
    ) private pure returns (bytes32) {
        return sha256(abi.encodePacked("EncroCam ledger tree\x00", camera, firstMs, lastMs, leaves, root));
    }
}
