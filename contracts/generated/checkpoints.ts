// Written by contracts/compile.ts from contracts/src/Checkpoints.sol: change that, then run `make generate`.
// From c582151e16e194e67dd7f695bd54825a3927f405372c9e9aac9a15293ccecd90, text 9c4641bc8b6effc3ee98a2a93f8449a81faf091f1df911927e208ad2206287b6
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
  '0x6080604052348015600e575f5ffd5b50610d0a8061001c5f395ff3fe608060405234801561000f575f5ffd5b5060043610610064575f3560e01c806384a0e0821161004d57806384a0e082146100c3578063c1a96a2114610143578063cbb42f6114610158575f5ffd5b806305d85eda1461006857806375eb786a146100b0575b5f5ffd5b61009d610076366004610ac1565b73ffffffffffffffffffffffffffffffffffffffff165f9081526020819052604090205490565b6040519081526020015b60405180910390f35b61009d6100be366004610af8565b61016b565b6100d66100d1366004610b31565b6103aa565b6040516100a79291905f60c0820190508351825263ffffffff60208501511660208301526040840151604083015267ffffffffffffffff606085015116606083015267ffffffffffffffff608085015116608083015267ffffffffffffffff831660a08301529392505050565b610156610151366004610b59565b61057c565b005b610156610166366004610b72565b610588565b73ffffffffffffffffffffffffffffffffffffffff83165f90815260208190526040812080545b8083101561020f575f60026101a78386610c10565b6101b19190610c29565b90508467ffffffffffffffff168382815481106101d0576101d0610c61565b5f91825260209091206001600290920201015467ffffffffffffffff161015610205576101fe816001610c10565b9350610209565b8091505b50610192565b8154830361026d576040517fd52ac54400000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff87166004820152602481018690526044015b60405180910390fd5b5f82848154811061028057610280610c61565b5f91825260208083206040805160a0810182526002909402909101805480855260019091015467ffffffffffffffff8082169486018590526801000000000000000082048116938601849052700100000000000000000000000000000000820416606086015263ffffffff78010000000000000000000000000000000000000000000000009091041660808501819052939550610320938c9390926105bf565b9050868114158061034957508567ffffffffffffffff16826020015167ffffffffffffffff1614155b1561039f576040517fd52ac54400000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff8916600482015260248101889052604401610264565b505050509392505050565b6040805160a0810182525f8082526020820181905291810182905260608101829052608081019190915273ffffffffffffffffffffffffffffffffffffffff83165f9081526020819052604081208054841061045b5780546040517fa887f18d00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff87166004820152602481018690526044810191909152606401610264565b5f81858154811061046e5761046e610c61565b5f9182526020918290206040805160a08082018352600294909402909201805483526001015467ffffffffffffffff808216958401958652680100000000000000008204811684840190815270010000000000000000000000000000000083049091166060850152780100000000000000000000000000000000000000000000000090910463ffffffff16608084019081528251948501909252905182519451915192955092938493610526938c93919291906105bf565b8152602001826080015163ffffffff168152602001825f01518152602001826020015167ffffffffffffffff168152602001826040015167ffffffffffffffff1681525093508060600151925050509250929050565b61058581610705565b50565b5f5b818110156105ba576105b28383838181106105a7576105a7610c61565b905060a00201610705565b60010161058a565b505050565b6040517f456e63726f43616d206c6564676572207472656500000000000000000000000060208201527fffffffffffffffffffffffffffffffffffffffff000000000000000000000000606087901b1660358201527fffffffffffffffff00000000000000000000000000000000000000000000000060c084811b8216604984015283901b1660518201527fffffffff0000000000000000000000000000000000000000000000000000000060e086901b166059820152605d81018490525f90600290607d01604080517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0818403018152908290526106bd91610c8e565b602060405180830381855afa1580156106d8573d5f5f3e3d5ffd5b5050506040513d601f19601f820116820180604052508101906106fb9190610ca4565b9695505050505050565b5f806107176040840160208501610cbb565b91505060408201355f806107316080860160608701610cde565b61074160a0870160808801610cde565b915091508363ffffffff165f03610787576040517f9467581800000000000000000000000000000000000000000000000000000000815285356004820152602401610264565b8167ffffffffffffffff168167ffffffffffffffff16116107e8576040517f95d8ad9d00000000000000000000000000000000000000000000000000000000815267ffffffffffffffff808416600483015282166024820152604401610264565b335f90815260208190526040902080548015610899575f8261080b600184610cf7565b8154811061081b5761081b610c61565b5f91825260209091206001600290920201015467ffffffffffffffff68010000000000000000909104811691508516811115610897576040517fff41277e00000000000000000000000000000000000000000000000000000000815267ffffffffffffffff808716600483015282166024820152604401610264565b505b5f6108a733888888886105bf565b9050873581146108ed576040517f7951c21c0000000000000000000000000000000000000000000000000000000081528835600482015260248101829052604401610264565b6040805160a08101825287815267ffffffffffffffff80881660208084019182528883168486019081524284166060860190815263ffffffff808f16608088019081528b5460018181018e555f8e8152969096209851600290910290980197885594519690930180549251915194519093167801000000000000000000000000000000000000000000000000027fffffffff00000000ffffffffffffffffffffffffffffffffffffffffffffffff94861670010000000000000000000000000000000002949094167fffffffff000000000000000000000000ffffffffffffffffffffffffffffffff91861668010000000000000000027fffffffffffffffffffffffffffffffff00000000000000000000000000000000909316969095169590951717939093169190911717905551819033907f5cd6920aa8ea6b2cb988fc43b129e26213c593deeaa3df3d0712367f973d182e90610a879086908c908c908c908c9094855263ffffffff939093166020850152604084019190915267ffffffffffffffff908116606084015216608082015260a00190565b60405180910390a35050505050505050565b803573ffffffffffffffffffffffffffffffffffffffff81168114610abc575f5ffd5b919050565b5f60208284031215610ad1575f5ffd5b610ada82610a99565b9392505050565b803567ffffffffffffffff81168114610abc575f5ffd5b5f5f5f60608486031215610b0a575f5ffd5b610b1384610a99565b925060208401359150610b2860408501610ae1565b90509250925092565b5f5f60408385031215610b42575f5ffd5b610b4b83610a99565b946020939093013593505050565b5f60a0828403128015610b6a575f5ffd5b509092915050565b5f5f60208385031215610b83575f5ffd5b823567ffffffffffffffff811115610b99575f5ffd5b8301601f81018513610ba9575f5ffd5b803567ffffffffffffffff811115610bbf575f5ffd5b85602060a083028401011115610bd3575f5ffd5b6020919091019590945092505050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b80820180821115610c2357610c23610be3565b92915050565b5f82610c5c577f4e487b71000000000000000000000000000000000000000000000000000000005f52601260045260245ffd5b500490565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd5b5f82518060208501845e5f920191825250919050565b5f60208284031215610cb4575f5ffd5b5051919050565b5f60208284031215610ccb575f5ffd5b813563ffffffff81168114610ada575f5ffd5b5f60208284031215610cee575f5ffd5b610ada82610ae1565b81810381811115610c2357610c23610be356' as const;
