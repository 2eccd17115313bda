// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
using System;
using System.Threading.Tasks;

/// dotnet tls.dll PORT [WORD...]              the server
/// dotnet tls.dll client URL N keep|new       the client
public static class Program {
	public static int Main(string[] words)
	{
		Task work = words[0] == "client" ? Client.Run(words[1], int.Parse(words[2]), words[3])
						 : Server.Run(int.Parse(words[0]), words);
		work.GetAwaiter().GetResult();
		return 0;
	}
}
