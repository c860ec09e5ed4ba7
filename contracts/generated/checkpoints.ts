// Written by contracts/compile.ts from contracts/src/Checkpoints.sol: change that, then run `make generate`.
// From 44759b5c22836c8683605d840989e0b025bc20739dd0ff44eaff87ab49637417, text 8bff2b0491dfba222e6e70441f5fb3f5d24e2d07006ec8e590a56814cb716162
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
        "name": "",
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
  '0x6080604052348015600e575f5ffd5b50610ce58061001c5f395ff3fe608060405234801561000f575f5ffd5b5060043610610064575f3560e01c806384a0e0821161004d57806384a0e082146100c3578063c1a96a2114610143578063cbb42f6114610158575f5ffd5b806305d85eda1461006857806375eb786a146100b0575b5f5ffd5b61009d610076366004610a9c565b73ffffffffffffffffffffffffffffffffffffffff165f9081526020819052604090205490565b6040519081526020015b60405180910390f35b61009d6100be366004610ad3565b61016b565b6100d66100d1366004610b0c565b610385565b6040516100a79291905f60c0820190508351825263ffffffff60208501511660208301526040840151604083015267ffffffffffffffff606085015116606083015267ffffffffffffffff608085015116608083015267ffffffffffffffff831660a08301529392505050565b610156610151366004610b34565b610557565b005b610156610166366004610b4d565b610563565b73ffffffffffffffffffffffffffffffffffffffff83165f90815260208190526040812080545b8083101561020f575f60026101a78386610beb565b6101b19190610c04565b90508467ffffffffffffffff168382815481106101d0576101d0610c3c565b5f91825260209091206001600290920201015467ffffffffffffffff161015610205576101fe816001610beb565b9350610209565b8091505b50610192565b8154830361026d576040517fd52ac54400000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff87166004820152602481018690526044015b60405180910390fd5b5f82848154811061028057610280610c3c565b5f91825260208083206040805160a0810182526002909402909101805480855260019091015467ffffffffffffffff8082169486018590526801000000000000000082048116938601849052700100000000000000000000000000000000820416606086015263ffffffff78010000000000000000000000000000000000000000000000009091041660808501819052939550610320938c93909261059a565b905086811461037a576040517fd52ac54400000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff8916600482015260248101889052604401610264565b505050509392505050565b6040805160a0810182525f8082526020820181905291810182905260608101829052608081019190915273ffffffffffffffffffffffffffffffffffffffff83165f908152602081905260408120805484106104365780546040517fa887f18d00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff87166004820152602481018690526044810191909152606401610264565b5f81858154811061044957610449610c3c565b5f9182526020918290206040805160a08082018352600294909402909201805483526001015467ffffffffffffffff808216958401958652680100000000000000008204811684840190815270010000000000000000000000000000000083049091166060850152780100000000000000000000000000000000000000000000000090910463ffffffff16608084019081528251948501909252905182519451915192955092938493610501938c939192919061059a565b8152602001826080015163ffffffff168152602001825f01518152602001826020015167ffffffffffffffff168152602001826040015167ffffffffffffffff1681525093508060600151925050509250929050565b610560816106e0565b50565b5f5b818110156105955761058d83838381811061058257610582610c3c565b905060a002016106e0565b600101610565565b505050565b6040517f456e63726f43616d206c6564676572207472656500000000000000000000000060208201527fffffffffffffffffffffffffffffffffffffffff000000000000000000000000606087901b1660358201527fffffffffffffffff00000000000000000000000000000000000000000000000060c084811b8216604984015283901b1660518201527fffffffff0000000000000000000000000000000000000000000000000000000060e086901b166059820152605d81018490525f90600290607d01604080517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe08184030181529082905261069891610c69565b602060405180830381855afa1580156106b3573d5f5f3e3d5ffd5b5050506040513d601f19601f820116820180604052508101906106d69190610c7f565b9695505050505050565b5f806106f26040840160208501610c96565b91505060408201355f8061070c6080860160608701610cb9565b61071c60a0870160808801610cb9565b915091508363ffffffff165f03610762576040517f9467581800000000000000000000000000000000000000000000000000000000815285356004820152602401610264565b8167ffffffffffffffff168167ffffffffffffffff16116107c3576040517f95d8ad9d00000000000000000000000000000000000000000000000000000000815267ffffffffffffffff808416600483015282166024820152604401610264565b335f90815260208190526040902080548015610874575f826107e6600184610cd2565b815481106107f6576107f6610c3c565b5f91825260209091206001600290920201015467ffffffffffffffff68010000000000000000909104811691508516811115610872576040517fff41277e00000000000000000000000000000000000000000000000000000000815267ffffffffffffffff808716600483015282166024820152604401610264565b505b5f610882338888888861059a565b9050873581146108c8576040517f7951c21c0000000000000000000000000000000000000000000000000000000081528835600482015260248101829052604401610264565b6040805160a08101825287815267ffffffffffffffff80881660208084019182528883168486019081524284166060860190815263ffffffff808f16608088019081528b5460018181018e555f8e8152969096209851600290910290980197885594519690930180549251915194519093167801000000000000000000000000000000000000000000000000027fffffffff00000000ffffffffffffffffffffffffffffffffffffffffffffffff94861670010000000000000000000000000000000002949094167fffffffff000000000000000000000000ffffffffffffffffffffffffffffffff91861668010000000000000000027fffffffffffffffffffffffffffffffff00000000000000000000000000000000909316969095169590951717939093169190911717905551819033907f5cd6920aa8ea6b2cb988fc43b129e26213c593deeaa3df3d0712367f973d182e90610a629086908c908c908c908c9094855263ffffffff939093166020850152604084019190915267ffffffffffffffff908116606084015216608082015260a00190565b60405180910390a35050505050505050565b803573ffffffffffffffffffffffffffffffffffffffff81168114610a97575f5ffd5b919050565b5f60208284031215610aac575f5ffd5b610ab582610a74565b9392505050565b803567ffffffffffffffff81168114610a97575f5ffd5b5f5f5f60608486031215610ae5575f5ffd5b610aee84610a74565b925060208401359150610b0360408501610abc565b90509250925092565b5f5f60408385031215610b1d575f5ffd5b610b2683610a74565b946020939093013593505050565b5f60a0828403128015610b45575f5ffd5b509092915050565b5f5f60208385031215610b5e575f5ffd5b823567ffffffffffffffff811115610b74575f5ffd5b8301601f81018513610b84575f5ffd5b803567ffffffffffffffff811115610b9a575f5ffd5b85602060a083028401011115610bae575f5ffd5b6020919091019590945092505050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b80820180821115610bfe57610bfe610bbe565b92915050565b5f82610c37577f4e487b71000000000000000000000000000000000000000000000000000000005f52601260045260245ffd5b500490565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd5b5f82518060208501845e5f920191825250919050565b5f60208284031215610c8f575f5ffd5b5051919050565b5f60208284031215610ca6575f5ffd5b813563ffffffff81168114610ab5575f5ffd5b5f60208284031215610cc9575f5ffd5b610ab582610abc565b81810381811115610bfe57610bfe610bbe56' as const;
