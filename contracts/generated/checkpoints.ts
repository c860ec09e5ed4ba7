// Written by contracts/compile.ts from contracts/src/Checkpoints.sol: change that, then run `make generate`.
// From e616836f77c7c54cb3333aef05df534afbfce912bcabe63354b627a51e26fdb4, text 57b69d1c28260e08540008227d3c2fec4ec3e1cba6faea3dfe97039b8be74f5e
// biome-ignore-all format: generated

export const checkpointsAbi = [
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "firstMs",
        "type": "uint64"
      },
      {
        "internalType": "uint64",
        "name": "lastMs",
        "type": "uint64"
      }
    ],
    "name": "EmptyPeriod",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "bytes32",
        "name": "tree",
        "type": "bytes32"
      }
    ],
    "name": "NoLeaves",
    "type": "error"
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
      },
      {
        "internalType": "uint256",
        "name": "count",
        "type": "uint256"
      }
    ],
    "name": "NoSuchCheckpoint",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "firstMs",
        "type": "uint64"
      },
      {
        "internalType": "uint64",
        "name": "lastMsBefore",
        "type": "uint64"
      }
    ],
    "name": "PeriodOverlaps",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "camera",
        "type": "address"
      },
      {
        "internalType": "bytes32",
        "name": "tree",
        "type": "bytes32"
      }
    ],
    "name": "UnknownTree",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "bytes32",
        "name": "tree",
        "type": "bytes32"
      },
      {
        "internalType": "bytes32",
        "name": "expected",
        "type": "bytes32"
      }
    ],
    "name": "WrongTree",
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
        "internalType": "bytes32",
        "name": "tree",
        "type": "bytes32"
      },
      {
        "indexed": false,
        "internalType": "uint256",
        "name": "index",
        "type": "uint256"
      },
      {
        "indexed": false,
        "internalType": "uint32",
        "name": "leaves",
        "type": "uint32"
      },
      {
        "indexed": false,
        "internalType": "bytes32",
        "name": "root",
        "type": "bytes32"
      },
      {
        "indexed": false,
        "internalType": "uint64",
        "name": "firstMs",
        "type": "uint64"
      },
      {
        "indexed": false,
        "internalType": "uint64",
        "name": "lastMs",
        "type": "uint64"
      }
    ],
    "name": "Committed",
    "type": "event"
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
    "name": "checkpointAt",
    "outputs": [
      {
        "components": [
          {
            "internalType": "bytes32",
            "name": "tree",
            "type": "bytes32"
          },
          {
            "internalType": "uint32",
            "name": "leaves",
            "type": "uint32"
          },
          {
            "internalType": "bytes32",
            "name": "root",
            "type": "bytes32"
          },
          {
            "internalType": "uint64",
            "name": "firstMs",
            "type": "uint64"
          },
          {
            "internalType": "uint64",
            "name": "lastMs",
            "type": "uint64"
          }
        ],
        "internalType": "struct Checkpoints.Checkpoint",
        "name": "checkpoint",
        "type": "tuple"
      },
      {
        "internalType": "uint64",
        "name": "time",
        "type": "uint64"
      },
      {
        "internalType": "uint32",
        "name": "height",
        "type": "uint32"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "components": [
          {
            "internalType": "bytes32",
            "name": "tree",
            "type": "bytes32"
          },
          {
            "internalType": "uint32",
            "name": "leaves",
            "type": "uint32"
          },
          {
            "internalType": "bytes32",
            "name": "root",
            "type": "bytes32"
          },
          {
            "internalType": "uint64",
            "name": "firstMs",
            "type": "uint64"
          },
          {
            "internalType": "uint64",
            "name": "lastMs",
            "type": "uint64"
          }
        ],
        "internalType": "struct Checkpoints.Checkpoint",
        "name": "checkpoint",
        "type": "tuple"
      }
    ],
    "name": "commit",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [
      {
        "components": [
          {
            "internalType": "bytes32",
            "name": "tree",
            "type": "bytes32"
          },
          {
            "internalType": "uint32",
            "name": "leaves",
            "type": "uint32"
          },
          {
            "internalType": "bytes32",
            "name": "root",
            "type": "bytes32"
          },
          {
            "internalType": "uint64",
            "name": "firstMs",
            "type": "uint64"
          },
          {
            "internalType": "uint64",
            "name": "lastMs",
            "type": "uint64"
          }
        ],
        "internalType": "struct Checkpoints.Checkpoint[]",
        "name": "checkpoints",
        "type": "tuple[]"
      }
    ],
    "name": "commitAll",
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
      }
    ],
    "name": "count",
    "outputs": [
      {
        "internalType": "uint256",
        "name": "total",
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
      },
      {
        "internalType": "bytes32",
        "name": "tree",
        "type": "bytes32"
      },
      {
        "internalType": "uint64",
        "name": "firstMs",
        "type": "uint64"
      }
    ],
    "name": "indexOf",
    "outputs": [
      {
        "internalType": "uint256",
        "name": "index",
        "type": "uint256"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  }
] as const;

/** Creates the contract; there are no arguments. */
export const checkpointsBytecode =
  '0x6080604052348015600e575f5ffd5b50610dc08061001c5f395ff3fe608060405234801561000f575f5ffd5b5060043610610064575f3560e01c806384a0e0821161004d57806384a0e082146100c3578063c1a96a2114610151578063cbb42f6114610166575f5ffd5b806305d85eda1461006857806375eb786a146100b0575b5f5ffd5b61009d610076366004610b77565b73ffffffffffffffffffffffffffffffffffffffff165f9081526020819052604090205490565b6040519081526020015b60405180910390f35b61009d6100be366004610bae565b610179565b6100d66100d1366004610be7565b6103df565b6040516100a7939291905f60e0820190508451825263ffffffff60208601511660208301526040850151604083015267ffffffffffffffff606086015116606083015267ffffffffffffffff608086015116608083015267ffffffffffffffff841660a083015263ffffffff831660c0830152949350505050565b61016461015f366004610c0f565b6105e5565b005b610164610174366004610c28565b6105f1565b73ffffffffffffffffffffffffffffffffffffffff83165f90815260208190526040812080545b8083101561021d575f60026101b58386610cc6565b6101bf9190610cdf565b90508467ffffffffffffffff168382815481106101de576101de610d17565b5f91825260209091206001600290920201015467ffffffffffffffff1610156102135761020c816001610cc6565b9350610217565b8091505b506101a0565b8154830361027b576040517fd52ac54400000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff87166004820152602481018690526044015b60405180910390fd5b5f82848154811061028e5761028e610d17565b5f91825260208083206040805160c0810182526002909402909101805480855260019091015467ffffffffffffffff8082169486018590526801000000000000000082048116938601849052700100000000000000000000000000000000820416606086015263ffffffff78010000000000000000000000000000000000000000000000008204811660808701527c01000000000000000000000000000000000000000000000000000000009091041660a08501819052939550610355938c939092610628565b9050868114158061037e57508567ffffffffffffffff16826020015167ffffffffffffffff1614155b156103d4576040517fd52ac54400000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff8916600482015260248101889052604401610272565b505050509392505050565b6040805160a0810182525f8082526020820181905291810182905260608101829052608081019190915273ffffffffffffffffffffffffffffffffffffffff83165f908152602081905260408120805482919085106104935780546040517fa887f18d00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff88166004820152602481018790526044810191909152606401610272565b5f8186815481106104a6576104a6610d17565b5f9182526020918290206040805160c0810182526002909302909101805483526001015467ffffffffffffffff80821694840194855268010000000000000000820481168484019081527001000000000000000000000000000000008304909116606085015263ffffffff78010000000000000000000000000000000000000000000000008304811660808601527c010000000000000000000000000000000000000000000000000000000090920490911660a080850191825283519081019093525183519451915193955091938493610584938d93909291610628565b81526020018260a0015163ffffffff168152602001825f01518152602001826020015167ffffffffffffffff168152602001826040015167ffffffffffffffff16815250945080606001518160800151809450819550505050509250925092565b6105ee8161076e565b50565b5f5b818110156106235761061b83838381811061061057610610610d17565b905060a0020161076e565b6001016105f3565b505050565b6040517f456e63726f43616d206c6564676572207472656500000000000000000000000060208201527fffffffffffffffffffffffffffffffffffffffff000000000000000000000000606087901b1660358201527fffffffffffffffff00000000000000000000000000000000000000000000000060c084811b8216604984015283901b1660518201527fffffffff0000000000000000000000000000000000000000000000000000000060e086901b166059820152605d81018490525f90600290607d01604080517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe08184030181529082905261072691610d44565b602060405180830381855afa158015610741573d5f5f3e3d5ffd5b5050506040513d601f19601f820116820180604052508101906107649190610d5a565b9695505050505050565b5f806107806040840160208501610d71565b91505060408201355f8061079a6080860160608701610d94565b6107aa60a0870160808801610d94565b915091508363ffffffff165f036107f0576040517f9467581800000000000000000000000000000000000000000000000000000000815285356004820152602401610272565b8167ffffffffffffffff168167ffffffffffffffff1611610851576040517f95d8ad9d00000000000000000000000000000000000000000000000000000000815267ffffffffffffffff808416600483015282166024820152604401610272565b335f90815260208190526040902080548015610902575f82610874600184610dad565b8154811061088457610884610d17565b5f91825260209091206001600290920201015467ffffffffffffffff68010000000000000000909104811691508516811115610900576040517fff41277e00000000000000000000000000000000000000000000000000000000815267ffffffffffffffff808716600483015282166024820152604401610272565b505b5f6109103388888888610628565b905087358114610956576040517f7951c21c0000000000000000000000000000000000000000000000000000000081528835600482015260248101829052604401610272565b6040805160c08101825287815267ffffffffffffffff80881660208084019182528883168486019081524284166060860190815263ffffffff438116608088019081528f821660a089019081528c5460018181018f555f8f815297909720995160029091029099019889559551979094018054935192519451955182167c0100000000000000000000000000000000000000000000000000000000027bffffffffffffffffffffffffffffffffffffffffffffffffffffffff969092167801000000000000000000000000000000000000000000000000027fffffffff00000000ffffffffffffffffffffffffffffffffffffffffffffffff95881670010000000000000000000000000000000002959095167fffffffff000000000000000000000000ffffffffffffffffffffffffffffffff93881668010000000000000000027fffffffffffffffffffffffffffffffff000000000000000000000000000000009095169890971697909717929092171693909317171617905551819033907f5cd6920aa8ea6b2cb988fc43b129e26213c593deeaa3df3d0712367f973d182e90610b3d9086908c908c908c908c9094855263ffffffff939093166020850152604084019190915267ffffffffffffffff908116606084015216608082015260a00190565b60405180910390a35050505050505050565b803573ffffffffffffffffffffffffffffffffffffffff81168114610b72575f5ffd5b919050565b5f60208284031215610b87575f5ffd5b610b9082610b4f565b9392505050565b803567ffffffffffffffff81168114610b72575f5ffd5b5f5f5f60608486031215610bc0575f5ffd5b610bc984610b4f565b925060208401359150610bde60408501610b97565b90509250925092565b5f5f60408385031215610bf8575f5ffd5b610c0183610b4f565b946020939093013593505050565b5f60a0828403128015610c20575f5ffd5b509092915050565b5f5f60208385031215610c39575f5ffd5b823567ffffffffffffffff811115610c4f575f5ffd5b8301601f81018513610c5f575f5ffd5b803567ffffffffffffffff811115610c75575f5ffd5b85602060a083028401011115610c89575f5ffd5b6020919091019590945092505050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b80820180821115610cd957610cd9610c99565b92915050565b5f82610d12577f4e487b71000000000000000000000000000000000000000000000000000000005f52601260045260245ffd5b500490565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd5b5f82518060208501845e5f920191825250919050565b5f60208284031215610d6a575f5ffd5b5051919050565b5f60208284031215610d81575f5ffd5b813563ffffffff81168114610b90575f5ffd5b5f60208284031215610da4575f5ffd5b610b9082610b97565b81810381811115610cd957610cd9610c9956' as const;
