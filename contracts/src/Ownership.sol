// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Who owns which camera
/// @notice A camera is named by its address and says by itself who owns it: nobody else can, and nobody can stop it.
/// The history of its owners stays readable.
/// @dev Whoever sends is the camera: there is no registry of cameras, no administrator and no way to change what
/// was written. The contract holds no coins and calls nobody.
contract Ownership {
    /// @dev One slot: 20 + 8 bytes.
    struct Claim {
        address owner;
        uint64 time;
    }

    mapping(address camera => Claim[]) private _claims;

    /// @notice A camera that had no owner has one.
    /// @param camera The camera, which sent the transaction.
    /// @param owner Its first owner.
    event Claimed(address indexed camera, address indexed owner);

    /// @notice A camera claimed the owner that it has already, as after a reset by the same owner. Nothing changed.
    /// @param camera The camera, which sent the transaction.
    /// @param owner Its owner, before and after.
    event Reclaimed(address indexed camera, address indexed owner);

    /// @notice A camera has another owner than before.
    /// @param camera The camera, which sent the transaction.
    /// @param from The owner until now.
    /// @param to The owner from now on.
    event Transferred(address indexed camera, address indexed from, address indexed to);

    /// @notice The zero address, which stands for nobody, was claimed as the owner.
    error OwnerIsZero();

    /// @notice The camera has no claim of this number.
    /// @param camera The camera that was asked about.
    /// @param index The number that was asked for.
    /// @param count How many there are: numbers go from 0 to one less.
    error NoSuchClaim(address camera, uint256 index, uint256 count);

    /// @notice Says that the sender, a camera, belongs to `owner`.
    /// @dev Emits `Claimed` for the first owner, `Reclaimed` for the same one (and changes nothing), `Transferred` for
    /// another one. Reverts with `OwnerIsZero`.
    /// @param owner The owner's address.
    function claim(address owner) external {
        if (owner == address(0)) revert OwnerIsZero();
        Claim[] storage claims = _claims[msg.sender];
        uint256 count = claims.length;
        if (count == 0) {
            emit Claimed(msg.sender, owner);
        } else {
            address before = claims[count - 1].owner;
            if (before == owner) {
                emit Reclaimed(msg.sender, owner);
                return;
            }
            emit Transferred(msg.sender, before, owner);
        }
        claims.push(Claim(owner, uint64(block.timestamp)));
    }

    /// @notice Who owns a camera now.
    /// @param camera The camera's address.
    /// @return owner Its owner; the zero address if it never claimed one.
    function ownerOf(address camera) external view returns (address owner) {
        Claim[] storage claims = _claims[camera];
        uint256 count = claims.length;
        return count == 0 ? address(0) : claims[count - 1].owner;
    }

    /// @notice How many owners a camera had, one after the other, the present one included.
    /// @dev One who comes back after another counts again; `Reclaimed` does not count.
    /// @param camera The camera's address.
    /// @return count How many claims `claimAt` knows.
    function claimsOf(address camera) external view returns (uint256 count) {
        return _claims[camera].length;
    }

    /// @notice An owner of a camera, and since when. Reverts with `NoSuchClaim`.
    /// @param camera The camera's address.
    /// @param index From 0, the first owner, to one less than `claimsOf`, the present one.
    /// @return owner The owner's address.
    /// @return time Time of the block that holds the claim, in seconds since 1970-01-01T00:00Z.
    function claimAt(address camera, uint256 index) external view returns (address owner, uint64 time) {
        Claim[] storage claims = _claims[camera];
        if (index >= claims.length) revert NoSuchClaim(camera, index, claims.length);
        Claim memory found = claims[index];
        return (found.owner, found.time);
    }
}
