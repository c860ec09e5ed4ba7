// Written by contracts/compile.ts from contracts/src/Ownership.sol: change that, then run `make generate`.
// From b24c8164e4853cef06b97a7345e02cd65ba0e2dfba8ffc4efb9ce1899ffa04d5, text 9ae353f01cf70ed4abea518c6e4946f7a7d2e2e1a5c25a36bc82b5c8d1e6ed12
// biome-ignore-all format: generated

export const ownershipAbi = [
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "camera",
        "type": "address"
      },
      {
        "internalType": "uint256",
        "name": "index",
        "type": "uint256"
      },
      {
        "internalType": "uint256",
        "name": "count",
        "type": "uint256"
      }
    ],
    "name": "NoSuchClaim",
    "type": "error"
  },
  {
    "inputs": [],
    "name": "OwnerIsZero",
    "type": "error"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "address",
        "name": "camera",
        "type": "address"
      },
      {
        "indexed": true,
        "internalType": "address",
        "name": "owner",
        "type": "address"
      }
    ],
    "name": "Claimed",
    "type": "event"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "address",
        "name": "camera",
        "type": "address"
      },
      {
        "indexed": true,
        "internalType": "address",
        "name": "owner",
        "type": "address"
      }
    ],
    "name": "Reclaimed",
    "type": "event"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "address",
        "name": "camera",
        "type": "address"
      },
      {
        "indexed": true,
        "internalType": "address",
        "name": "from",
        "type": "address"
      },
      {
        "indexed": true,
        "internalType": "address",
        "name": "to",
        "type": "address"
      }
    ],
    "name": "Transferred",
    "type": "event"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "owner",
        "type": "address"
      }
    ],
    "name": "claim",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "camera",
        "type": "address"
      },
      {
        "internalType": "uint256",
        "name": "index",
        "type": "uint256"
      }
    ],
    "name": "claimAt",
    "outputs": [
      {
        "internalType": "address",
        "name": "owner",
        "type": "address"
      },
      {
        "internalType": "uint64",
        "name": "time",
        "type": "uint64"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "camera",
        "type": "address"
      }
    ],
    "name": "claimsOf",
    "outputs": [
      {
        "internalType": "uint256",
        "name": "count",
        "type": "uint256"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "camera",
        "type": "address"
      }
    ],
    "name": "ownerOf",
    "outputs": [
      {
        "internalType": "address",
        "name": "owner",
        "type": "address"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  }
] as const;

/** Creates the contract; there are no arguments. */
export const ownershipBytecode =
  '0x6080604052348015600e575f5ffd5b506105a88061001c5f395ff3fe608060405234801561000f575f5ffd5b506004361061004a575f3560e01c806301d81d921461004e57806314afd79e146100965780631e83409a146100ce5780632f79f61a146100e3575b5f5ffd5b61008361005c3660046104f5565b73ffffffffffffffffffffffffffffffffffffffff165f9081526020819052604090205490565b6040519081526020015b60405180910390f35b6100a96100a43660046104f5565b61012b565b60405173ffffffffffffffffffffffffffffffffffffffff909116815260200161008d565b6100e16100dc3660046104f5565b6101a3565b005b6100f66100f1366004610515565b6103c4565b6040805173ffffffffffffffffffffffffffffffffffffffff909316835267ffffffffffffffff90911660208301520161008d565b73ffffffffffffffffffffffffffffffffffffffff81165f90815260208190526040812080548015610199578161016360018361053d565b815481106101735761017361057b565b5f9182526020909120015473ffffffffffffffffffffffffffffffffffffffff1661019b565b5f5b949350505050565b73ffffffffffffffffffffffffffffffffffffffff81166101f0576040517f4269a05900000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b335f908152602081905260408120805490918190036102505760405173ffffffffffffffffffffffffffffffffffffffff84169033907f89309c9b2aeaffbdce717113df9427298b20448c05919bf889e05f8c3094254b905f90a361032b565b5f8261025d60018461053d565b8154811061026d5761026d61057b565b5f9182526020909120015473ffffffffffffffffffffffffffffffffffffffff9081169150841681036102e25760405173ffffffffffffffffffffffffffffffffffffffff85169033907fbd017690b083822e9e6492566f5c0f4b3e2a7ed256a360f458eb627ce9037cd3905f90a350505050565b60405173ffffffffffffffffffffffffffffffffffffffff808616919083169033907f6490c41a546db5922330504587639c4f1480b276c2a4b095f02f7a3463157359905f90a4505b506040805180820190915273ffffffffffffffffffffffffffffffffffffffff928316815267ffffffffffffffff428116602080840191825284546001810186555f95865294209251929093018054935190911674010000000000000000000000000000000000000000027fffffffff000000000000000000000000000000000000000000000000000000009093169190931617179055565b73ffffffffffffffffffffffffffffffffffffffff82165f908152602081905260408120805482919084106104525780546040517fdafcc8dd00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff8716600482015260248101869052604481019190915260640160405180910390fd5b5f8185815481106104655761046561057b565b5f9182526020918290206040805180820190915291015473ffffffffffffffffffffffffffffffffffffffff81168083527401000000000000000000000000000000000000000090910467ffffffffffffffff16919092018190529097909650945050505050565b803573ffffffffffffffffffffffffffffffffffffffff811681146104f0575f5ffd5b919050565b5f60208284031215610505575f5ffd5b61050e826104cd565b9392505050565b5f5f60408385031215610526575f5ffd5b61052f836104cd565b946020939093013593505050565b81810381811115610575577f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b92915050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd' as const;
